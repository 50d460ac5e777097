// A TCP connection without ZeroMQ: for handshakes (ZMTP 3.0, rfc.zeromq.org/spec/23) that stop
// half-way, and for bytes that are none.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace kiln::net {

class RawPeer {
 public:
  // To a tcp://127.0.0.1:PORT endpoint. Throws when it cannot connect.
  explicit RawPeer(const std::string& endpoint);
  // False when the other end has closed.
  bool send(std::string_view bytes);
  // What comes until the other end closes, `enough` bytes are there or the time is over.
  std::string receive(size_t enough, std::chrono::milliseconds patience);
  // Whether the other end closes in that time; what it says is thrown away.
  bool closes(std::chrono::milliseconds patience);
  // Ends the connection with a reset, as when the peer's machine came back without it (tcp(7)).
  void reset();

 private:
  UniqueFd fd_;
};

inline constexpr size_t kGreetingSize = 64;
// Signature, version 3.0, mechanism, not as a server.
std::string greeting(std::string_view mechanism);
// A short command frame: flags, size, name and data.
std::string command(std::string_view name, std::string_view data);
// NULL's READY with one property more than it needs.
std::string ready_with(std::string_view property, std::string_view value);
// A message frame of less than 256 bytes.
std::string message_frame(std::string_view bytes);

}  // namespace kiln::net
