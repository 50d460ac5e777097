// Packets with descriptors over SOCK_SEQPACKET unix sockets (unix(7), SCM_RIGHTS).
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace kiln::sandbox {

inline constexpr size_t kMaxPacketBytes = 4096;
inline constexpr size_t kMaxPacketFds = 8;

// Close-on-exec, blocking. Errors: io_error.
Result<std::pair<UniqueFd, UniqueFd>> packet_socket_pair();

// 0 or an errno. Never raises SIGPIPE. `flags` as send(2), MSG_DONTWAIT for one.
// Async-signal-safe.
int send_packet(int socket, std::span<const std::byte> bytes, std::span<const int> fds,
                int flags = 0);

template <class T>
int send_struct(int socket, const T& value, std::span<const int> fds = {}, int flags = 0) {
  return send_packet(socket, std::as_bytes(std::span(&value, 1)), fds, flags);
}

struct Packet {
  std::vector<std::byte> bytes;
  std::vector<UniqueFd> fds;  // close-on-exec
  bool end_of_file = false;   // the peer has closed
  int error = 0;              // errno; EAGAIN with MSG_DONTWAIT and nothing there
};

// A packet larger than kMaxPacketBytes, or with more descriptors than kMaxPacketFds, has error
// EMSGSIZE and its descriptors are closed.
Packet receive_packet(int socket, int flags = 0);

}  // namespace kiln::sandbox
