// A blocking client of the broker: requests with answers, and the events of subscribed tasks.
// One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/time.h"
#include "net/codec.h"
#include "net/keys.h"
#include "net/protocol.h"

namespace kiln::net {

inline constexpr Duration kConnectTimeout = std::chrono::seconds(5);
// Events not yet asked for; beyond either bound the oldest output goes first, which the offset of
// the next chunk shows.
inline constexpr size_t kMaxEventsHeld = 10'000;
inline constexpr size_t kMaxEventBytesHeld = size_t{64} << 20U;

class Client {
 public:
  // Connects and pings. Errors: invalid_argument (endpoint), unavailable (nobody answers there
  // within `timeout`; the hint says how to start a broker), unauthorized (the broker does not let
  // this key in, or wants one, or has none; at once).
  static Result<std::unique_ptr<Client>> connect(const std::string& endpoint,
                                                 Duration timeout = kConnectTimeout,
                                                 const std::optional<ClientKeys>& keys = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends one request (its rid is filled in here) and waits for its answer; events that come
  // meanwhile are kept for next_event. Errors: the broker's own, timeout, malformed, too_large (the
  // request does not fit one message), unauthorized (the broker does not let this key in any more:
  // this client stays refused).
  template <class Request>
  Result<Ok> request(Request message, Duration timeout = kConnectTimeout) {
    const auto rid = post(std::move(message));
    if (!rid.ok()) return rid.error();
    return wait_for(rid.value(), timeout);
  }

  // Sends a request without waiting; its answer is to be had with answer(). Returns its rid.
  // Errors: too_large, busy (the broker does not take what is sent).
  template <class Request>
  Result<uint64_t> post(Request message) {
    message.rid = next_rid();
    return post_encoded(message.rid, encode(FromClient(std::move(message))));
  }
  // Nothing when the time is over; then the answer can be waited for again. Errors: as request().
  Result<std::optional<Ok>> answer(uint64_t rid, Duration timeout);

  // The next event, or nothing when the time is over. `wake_fd` (-1: none), when readable, ends the
  // wait early (for Ctrl-C).
  Result<std::optional<Event>> next_event(Duration timeout, int wake_fd = -1);

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  uint64_t next_rid();
  Result<uint64_t> post_encoded(uint64_t rid, std::string bytes);
  Result<Ok> wait_for(uint64_t rid, Duration timeout);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::net
