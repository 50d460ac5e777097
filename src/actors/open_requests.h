// The clients' requests that are with the queue and not answered yet. If the queue is started anew
// it knows nothing of them: they are answered here. One owner (the broker_link actor).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/commands.h"

namespace kiln::actors {

class OpenRequests {
 public:
  void add(const core::ClientRef& client);
  // It is being answered. False: nobody waits for this answer.
  bool close(const core::ClientRef& client);
  // The client is gone.
  void drop(const std::string& route);
  // All of them, which are closed with that.
  std::vector<core::ClientRef> take_all();
  size_t size() const { return size_; }

 private:
  // By route and rid; a client may use a number for several requests.
  std::map<std::string, std::map<uint64_t, uint32_t>> open_;
  size_t size_ = 0;
};

}  // namespace kiln::actors
