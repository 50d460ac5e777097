// Client requests as the scheduler's commands. One owner (the broker_link actor).
#pragma once

#include <string>
#include <variant>

#include "actors/messages.h"
#include "actors/submissions.h"
#include "core/commands.h"
#include "net/codec.h"
#include "net/keys.h"

namespace kiln::actors {

// What a request becomes: a command for the queue, or an answer that needs no queue (an Error, or
// the Ok of a ping), or a matter of dead letters or of blobs.
using Request = std::variant<core::Command, LetterRequest, BlobRequest, net::Ok, Error>;

class Requests {
 public:
  explicit Requests(Submissions submissions) : submissions_(std::move(submissions)) {}

  // `sender`: whose tasks it may see and submit.
  Request make(net::FromClient message, const std::string& route, const net::Identity& sender,
               WallTime now);
  Submissions& submissions() { return submissions_; }

 private:
  Request make_submit(core::ClientRef client, std::vector<model::TaskSpec> specs, bool watch,
                      const std::string& field, WallTime now);

  Submissions submissions_;
};

uint64_t rid_of(const net::FromClient& message);

}  // namespace kiln::actors
