#include "net/zmq_parts.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "net/protocol.h"

namespace kiln::net {

void set_common_options(zmq::socket_t& socket, const std::string& endpoint) {
  socket.set(zmq::sockopt::rcvhwm, kHighWaterMark);
  socket.set(zmq::sockopt::sndhwm, kHighWaterMark);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(kMaxMessageBytes));
  socket.set(zmq::sockopt::handshake_ivl, kHandshakeMillis);
  socket.set(zmq::sockopt::linger, 0);
  // A peer whose machine vanished is found after 30 + 3 * 10 s (tcp(7)).
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, 30);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, 10);
  socket.set(zmq::sockopt::tcp_keepalive_cnt, 3);
  if (endpoint.find("://[") != std::string::npos) socket.set(zmq::sockopt::ipv6, true);
}

Error zmq_error(ErrorCode code, const std::string& what, int error_number) {
  return Error{code, "cannot " + what, "", zmq_strerror(error_number), ""};
}

bool receive(zmq::socket_t& socket, Frames& out) {
  out.frames.clear();
  out.extra = false;
  bool more = true;
  while (more) {
    zmq::message_t frame;
    int got = -1;
    do {
      got = zmq_msg_recv(frame.handle(), socket.handle(), ZMQ_DONTWAIT);
    } while (got < 0 && zmq_errno() == EINTR);
    if (got < 0) return false;
    more = frame.more();
    if (out.frames.size() == out.most) {
      out.extra = true;
    } else {
      out.frames.push_back(std::move(frame));
    }
  }
  return true;
}

Shape payload_of(const Frames& in, size_t first, Payload& out) {
  const size_t count = in.frames.size() - std::min(first, in.frames.size());
  if (in.extra || count == 0 || count > 2) return Shape::wrong;
  out.delimited = count == 2;
  if (out.delimited && in.frames[first].size() != 0) return Shape::wrong;
  out.bytes = in.frames.back().to_string_view();
  return out.bytes.empty() ? Shape::probe : Shape::message;
}

// With DONTWAIT only the first frame can be refused: libzmq checks the high-water mark and the
// route there, and keeps its word for the frames that follow.
SendOutcome send_frames(zmq::socket_t& socket, const std::vector<std::string_view>& frames) {
  for (size_t i = 0; i < frames.size(); ++i) {
    const int more = i + 1 < frames.size() ? ZMQ_SNDMORE : 0;
    int sent = -1;
    do {
      sent = zmq_send(socket.handle(), frames[i].data(), frames[i].size(), ZMQ_DONTWAIT | more);
    } while (sent < 0 && zmq_errno() == EINTR);
    if (sent >= 0) continue;
    return zmq_errno() == EAGAIN ? SendOutcome::full : SendOutcome::unreachable;
  }
  return SendOutcome::sent;
}

Monitor::Monitor(zmq::context_t& context, zmq::socket_t& watched, const std::string& name,
                 int events)
    : watched_(watched), pair_(context, zmq::socket_type::pair) {
  const std::string endpoint = "inproc://" + name;
  if (zmq_socket_monitor(watched.handle(), endpoint.c_str(), events) != 0) throw zmq::error_t();
  pair_.set(zmq::sockopt::linger, 0);
  pair_.connect(endpoint);
}

Monitor::~Monitor() { zmq_socket_monitor(watched_.handle(), nullptr, 0); }

MonitorNews Monitor::drain() {
  MonitorNews news;
  Frames frames;
  while (receive(pair_, frames)) {
    uint16_t event = 0;  // the first frame: event (16 bits), value (32 bits), native order
    uint32_t value = 0;
    const std::string_view first = frames.frames[0].to_string_view();
    if (first.size() < sizeof(event) + sizeof(value)) continue;
    std::memcpy(&event, first.data(), sizeof(event));
    std::memcpy(&value, first.data() + sizeof(event), sizeof(value));
    news.events |= event;
    const bool failed = event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL ||
                        event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    news.failed += failed ? 1 : 0;
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) news.protocol_why = value;
  }
  return news;
}

std::optional<Error> refusal(const MonitorNews& news, const std::string& endpoint, bool with_keys) {
  Error out{ErrorCode::unauthorized, "", "", "", ""};
  if (news.has(ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)) {
    out.message = "the broker at " + endpoint + " does not let this key in";
    out.hint = "Have its public key entered in the broker's allow list, with the right role";
  } else if (!news.has(ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)) {
    return std::nullopt;
  } else if (news.protocol_why != ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH) {
    out.code = ErrorCode::unavailable;
    out.message = "the handshake with " + endpoint + " failed";
    out.hint = "Look whether a broker listens there, and whether that is its public key";
  } else if (with_keys) {
    out.message = "the broker at " + endpoint + " has no keys";
    out.hint = "Leave out --key and --broker-key, or start it with --key and --allow";
  } else {
    out.message = "the broker at " + endpoint + " lets in nobody without a key";
    out.hint = "Give a key with --key, and the broker's public key with --broker-key";
  }
  return out;
}

Error broken_off(const std::string& endpoint) {
  return {ErrorCode::unauthorized, "the broker at " + endpoint + " broke off the handshake", "", "",
          "Its public key may be another than the one given with --broker-key"};
}

Wake::Wake() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!fd_) throw zmq::error_t();
}

void Wake::ring() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof(one));
}

void Wake::clear() const {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(fd_.get(), &count, sizeof(count));
}

pollfd readable(int fd) { return {fd, POLLIN, 0}; }
pollfd readable(const zmq::socket_t& socket) { return readable(socket.get(zmq::sockopt::fd)); }

void wait_readable(std::span<pollfd> fds, std::chrono::milliseconds timeout) {
  const auto most = std::chrono::milliseconds(std::numeric_limits<int>::max());
  if (::poll(fds.data(), fds.size(), static_cast<int>(std::min(timeout, most).count())) >= 0)
    return;
  for (pollfd& fd : fds) fd.revents = 0;
}

void poll(std::vector<zmq::pollitem_t>& items, std::chrono::milliseconds timeout) {
  for (zmq::pollitem_t& item : items) item.revents = 0;
  if (zmq_poll(items.data(), static_cast<int>(items.size()), timeout.count()) < 0) {
    for (zmq::pollitem_t& item : items) item.revents = 0;
  }
}

}  // namespace kiln::net
