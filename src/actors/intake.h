// Bounds what the sockets have handed over and nobody has handled yet. take() runs on the
// transport's thread, done() on the actor's.
#pragma once

#include <atomic>
#include <vector>

#include "net/transport.h"

namespace kiln::actors {

inline constexpr size_t kMaxIntakeBytes = size_t{256} << 20U;

class Intake {
 public:
  explicit Intake(size_t max_bytes = kMaxIntakeBytes) : max_bytes_(max_bytes) {}

  // `server` answers what is turned away; until it is given, nothing is.
  void open(net::RouterServer* server) { server_ = server; }
  // The messages that may come in. Clients hear `busy` for the others.
  std::vector<net::Inbound> take(std::vector<net::Inbound> batch);
  // So many bytes of them have been handled.
  void done(size_t bytes) { waiting_ -= bytes; }
  size_t waiting() const { return waiting_; }

 private:
  size_t max_bytes_;
  std::atomic<size_t> waiting_ = 0;
  std::atomic<net::RouterServer*> server_ = nullptr;
};

}  // namespace kiln::actors
