// A blocking client of the broker: requests with answers, and the events of subscribed tasks.
// One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "net/protocol.h"

namespace kiln::net {

inline constexpr Duration kConnectTimeout = std::chrono::seconds(5);
inline constexpr size_t kMaxEventsHeld = 10'000;

class Client {
 public:
  // Connects and pings. Errors: invalid_argument (endpoint), unavailable (nobody answers there
  // within `timeout`; the hint says how to start a broker).
  static Result<std::unique_ptr<Client>> connect(const std::string& endpoint,
                                                 Duration timeout = kConnectTimeout);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends one request (its rid is filled in here) and waits for its answer; events that come
  // meanwhile are kept for next_event. Errors: the broker's own, timeout, malformed.
  template <class Request>
  Result<Ok> request(Request message, Duration timeout = kConnectTimeout);

  // Sends a request without waiting; its answer is to be had with next_answer. Returns its rid.
  template <class Request>
  Result<uint64_t> post(Request message);
  Result<std::optional<Ok>> answer(uint64_t rid, Duration timeout);

  // The next event, or nothing when the time is over. `wake_fd` (-1: none), when readable, ends the
  // wait early (for Ctrl-C).
  Result<std::optional<Event>> next_event(Duration timeout, int wake_fd = -1);

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::net
