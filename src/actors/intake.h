// Bounds what the sockets have handed over and nobody has handled yet. take() runs on the
// transport's thread, done() on the actor's.
#pragma once

#include <atomic>
#include <vector>

#include "net/transport.h"

namespace kiln::actors {

inline constexpr size_t kMaxIntakeBytes = size_t{256} << 20U;
// What a message counts beyond its bytes.
inline constexpr size_t kMessageCost = 256;

class Intake {
 public:
  explicit Intake(size_t max_bytes = kMaxIntakeBytes) : max_bytes_(max_bytes) {}

  // `server` answers what is turned away; without one that happens in silence.
  void open(net::RouterServer* server) { server_ = server; }
  // The messages that may come in. Clients hear `busy` for the others.
  std::vector<net::Inbound> take(std::vector<net::Inbound> batch);
  // This one of them has been handled.
  void done(const net::Inbound& message) { waiting_ -= cost_of(message); }
  size_t waiting() const { return waiting_; }

 private:
  static size_t cost_of(const net::Inbound& message) { return message.bytes.size() + kMessageCost; }

  size_t max_bytes_;
  std::atomic<size_t> waiting_ = 0;
  std::atomic<net::RouterServer*> server_ = nullptr;
};

}  // namespace kiln::actors
