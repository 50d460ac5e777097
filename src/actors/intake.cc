#include "actors/intake.h"

#include "net/codec.h"

namespace kiln::actors {
namespace {

net::Outbound busy_answer(const net::Inbound& message) {
  const Error error{ErrorCode::busy, "the broker has too much to read now", "", "",
                    "send it again in a second"};
  return {message.peer, message.route,
          net::encode(net::ToClient(net::ErrorReply{net::peek_rid(message.bytes), error}))};
}

}  // namespace

std::vector<net::Inbound> Intake::take(std::vector<net::Inbound> batch) {
  std::vector<net::Inbound> taken;
  std::vector<net::Outbound> answers;
  for (net::Inbound& message : batch) {
    // What workers say is bounded by what they were given to run, and is never turned away.
    if (message.peer == net::Peer::worker || waiting_ + cost_of(message) <= max_bytes_) {
      waiting_ += cost_of(message);
      taken.push_back(std::move(message));
    } else {
      answers.push_back(busy_answer(message));
    }
  }
  net::RouterServer* server = server_;
  if (server && !answers.empty()) server->send(std::move(answers));
  return taken;
}

}  // namespace kiln::actors
