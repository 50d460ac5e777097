// What the three users of ZeroMQ share: socket options, whole messages in and out without blocking,
// the socket monitor, and the wake-up descriptor.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "base/error.h"
#include "base/fd.h"
#include "base/time.h"

namespace kiln::net {

inline constexpr int kHighWaterMark = 64;
inline constexpr int kHandshakeMillis = 5'000;
// What CURVE adds to a frame: "\7MESSAGE", a nonce, a flag, the box (rfc.zeromq.org/spec/26).
inline constexpr size_t kCurveOverhead = 8 + 8 + 1 + 16;
// A DEALER tries again this long after a connection broke, doubling up to the maximum.
inline constexpr int kReconnectMillis = 50;
inline constexpr int kReconnectMaxMillis = 1'000;

// Options for every socket, before it binds or connects. LINGER is 0 until stop() says otherwise.
void set_common_options(zmq::socket_t& socket, const std::string& endpoint);
Error zmq_error(ErrorCode code, const std::string& what, int error_number);

// One received message: its frames, at most `most` kept; `extra` says that there were more.
struct Frames {
  static constexpr size_t kMaxFrames = 3;  // of a message of ours: route, delimiter, payload
  explicit Frames(size_t most_frames = kMaxFrames) : most(most_frames) {}
  size_t most;
  std::vector<zmq::message_t> frames;
  bool extra = false;
};
// False when none is waiting.
bool receive(zmq::socket_t& socket, Frames& out);

// The payload of frames[first..]: one frame, or an empty one and one. Nothing for other shapes and
// for an empty payload (a probe).
struct Payload {
  bool delimited = false;
  std::string_view bytes;
};
enum class Shape : uint8_t { message, probe, wrong };
Shape payload_of(const Frames& frames, size_t first, Payload& out);

enum class SendOutcome : uint8_t { sent, full, unreachable };
// Sends the frames as one message, or nothing of it.
SendOutcome send_frames(zmq::socket_t& socket, const std::vector<std::string_view>& frames);

struct MonitorNews {
  int events = 0;             // all of them or-ed together
  uint64_t failed = 0;        // handshakes that failed before the peer's key was known
  uint32_t protocol_why = 0;  // of the last HANDSHAKE_FAILED_PROTOCOL: a ZMQ_PROTOCOL_ERROR_*
  bool has(int event) const { return (events & event) != 0; }
};
inline constexpr int kHandshakeFailures = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                          ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                          ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

// Why the server does not take this end in, if a handshake failed for good: after that libzmq does
// not connect again by itself. unauthorized: another key, or keys, or none are wanted there.
std::optional<Error> refusal(const MonitorNews& news, const std::string& endpoint, bool with_keys);
// The other end closed in the middle of a handshake with keys, as a broker does that cannot read it
// because its public key is not the one that was given. libzmq goes on trying.
Error broken_off(const std::string& endpoint);

// The events of a socket (zmq_socket_monitor(3)), by a PAIR socket of the same context. Made and
// read on the socket's thread.
class Monitor {
 public:
  Monitor(zmq::context_t& context, zmq::socket_t& watched, const std::string& name, int events);
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;
  ~Monitor();
  zmq::socket_t& socket() { return pair_; }
  // What happened since the last call.
  MonitorNews drain();

 private:
  zmq::socket_t& watched_;
  zmq::socket_t pair_;
};

// Lets other threads interrupt a poll: an eventfd(2).
class Wake {
 public:
  Wake();
  void ring() const;   // any thread
  void clear() const;  // the polling thread
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

// Waits until one of the descriptors is readable; the revents say which. `timeout` < 0: for ever.
// Interrupted calls return early, with no revents. One system call, where zmq_poll makes two for
// each socket and some more; the price is a rule: a socket's descriptor is edge-triggered
// (zmq_getsockopt(3), ZMQ_FD), so a socket may be waited for only if receive() has found nothing
// since it was made and since anything else was done with it.
void wait_readable(std::span<pollfd> fds, std::chrono::milliseconds timeout);
pollfd readable(int fd);
pollfd readable(const zmq::socket_t& socket);

// As zmq_poll(3).
void poll(std::vector<zmq::pollitem_t>& items, std::chrono::milliseconds timeout);

}  // namespace kiln::net
