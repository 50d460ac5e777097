// The ZAP handler (ZeroMQ Authentication Protocol, rfc.zeromq.org/spec/27): libzmq asks it about
// every CURVE handshake on a socket that set_server_keys() prepared, before that peer can send one
// message.
//
// One thread of its own, so that a handshake is never answered late because the broker is busy. It
// must be there before such a socket is bound, and go after it. Where none is there, or it does not
// answer, nobody comes in: set_server_keys() sets ZMQ_ZAP_ENFORCE_DOMAIN, without which libzmq lets
// everybody in who has a key at all.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <zmq.hpp>

#include "net/allow_list.h"
#include "net/transport.h"
#include "net/zmq_parts.h"

namespace kiln::net {

inline constexpr const char* kZapDomain = "kiln";

// Options of a ROUTER with keys, before it is bound. The handler tells the two by their routing
// ids, which a ZAP request carries.
void set_server_keys(zmq::socket_t& socket, Peer peer, const Key& secret);
// Options of a DEALER with keys, before it connects.
void set_client_keys(zmq::socket_t& socket, const ClientKeys& keys);

// The user id that a handshake on `peer`'s socket with this key gets (the key's text), or why it is
// refused.
Result<std::string> admit(const AllowList& allowed, Peer peer, const Key& key);
// Whether that role belongs on that socket.
bool may_use(Role role, Peer peer);

class ZapHandler {
 public:
  // Called on the handler's thread for each one that is refused.
  using OnRefused = std::function<void(const Refused&)>;

  // Throws zmq::error_t (another handler in this context).
  ZapHandler(zmq::context_t& context, std::shared_ptr<const AllowList> allowed,
             OnRefused on_refused);
  ~ZapHandler();
  ZapHandler(const ZapHandler&) = delete;
  ZapHandler& operator=(const ZapHandler&) = delete;

  uint64_t refused() const { return refused_; }

 private:
  void run();
  void answer(const Frames& request);
  void reply(std::string_view request_id, std::string_view status, std::string_view text,
             std::string_view user_id);

  std::shared_ptr<const AllowList> allowed_;
  OnRefused on_refused_;
  zmq::socket_t socket_;
  Wake wake_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> refused_ = 0;
  std::thread thread_;
};

}  // namespace kiln::net
