// Theory of operation. A request is eight frames: version, request id, domain, the peer's address,
// the server socket's routing id, mechanism and, for CURVE, the peer's public key (the empty frame
// before them is the REP socket's affair). The answer is six: version, request id, status, text,
// user id, metadata. libzmq attaches the user id to each message of that connection as "User-Id";
// what a peer claims by that name in its own handshake does not replace it.
//
// Refused peers get 400: they are told so (CURVE's ERROR command) and do not try again by
// themselves, where 300 would make them connect again every few milliseconds.
#include "net/zap.h"

#include <algorithm>
#include <cstring>

#include "net/protocol.h"

namespace kiln::net {
namespace {

constexpr const char* kZapEndpoint = "inproc://zeromq.zap.01";
constexpr std::string_view kZapVersion = "1.0";
constexpr size_t kRequestFrames = 7;  // with one credential
constexpr std::string_view kOk = "200";
constexpr std::string_view kRefused = "400";

constexpr std::string_view kClientsId = "clients";
constexpr std::string_view kWorkersId = "workers";

std::optional<Peer> socket_named(std::string_view routing_id) {
  if (routing_id == kClientsId) return Peer::client;
  if (routing_id == kWorkersId) return Peer::worker;
  return std::nullopt;
}

template <class Option>
void set_key(zmq::socket_t& socket, Option option, const Key& key) {
  socket.set(option, zmq::buffer(key));
}

// libzmq 4.3 has this option, but its header names it only where drafts are built. Without it a
// missing handler would let everybody in: so what was set is read back.
constexpr int kZapEnforceDomain = 93;

void enforce_domain(zmq::socket_t& socket) {
  int value = 1;
  size_t size = sizeof value;
  if (zmq_setsockopt(socket.handle(), kZapEnforceDomain, &value, sizeof value) != 0) {
    throw zmq::error_t();
  }
  value = 0;
  if (zmq_getsockopt(socket.handle(), kZapEnforceDomain, &value, &size) != 0 || value != 1) {
    throw zmq::error_t();
  }
}

std::string_view frame(const Frames& request, size_t index) {
  return request.frames[index].to_string_view();
}

// The request's peer, if it is one of CURVE about one of our sockets.
struct Asked {
  Peer peer;
  Key key;
};
std::optional<Asked> read_request(const Frames& request) {
  const auto peer = socket_named(frame(request, 4));
  Key key{};
  const std::string_view credential = frame(request, 6);
  if (frame(request, 2) != kZapDomain || !peer || frame(request, 5) != "CURVE" ||
      credential.size() != key.size()) {
    return std::nullopt;
  }
  std::memcpy(key.data(), credential.data(), key.size());
  return Asked{*peer, key};
}

}  // namespace

void set_server_keys(zmq::socket_t& socket, Peer peer, const Key& secret) {
  socket.set(zmq::sockopt::curve_server, true);
  set_key(socket, zmq::sockopt::curve_secretkey, secret);
  socket.set(zmq::sockopt::zap_domain, kZapDomain);
  enforce_domain(socket);
  socket.set(zmq::sockopt::routing_id, peer == Peer::client ? kClientsId : kWorkersId);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(kMaxMessageBytes + kCurveOverhead));
}

void set_client_keys(zmq::socket_t& socket, const ClientKeys& keys) {
  set_key(socket, zmq::sockopt::curve_serverkey, keys.server);
  set_key(socket, zmq::sockopt::curve_publickey, keys.own.public_key);
  set_key(socket, zmq::sockopt::curve_secretkey, keys.own.secret_key);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(kMaxMessageBytes + kCurveOverhead));
}

bool may_use(Role role, Peer peer) { return (role == Role::worker) == (peer == Peer::worker); }

Result<std::string> admit(const AllowList& allowed, Peer peer, const Key& key) {
  std::string text = key_text(key);
  const auto identity = allowed.find(text);
  if (!identity) {
    return Error{ErrorCode::unauthorized, "the key is unknown", "", "",
                 "Enter it in the allow list and send the broker SIGHUP"};
  }
  if (!may_use(identity->role, peer)) {
    return Error{ErrorCode::unauthorized,
                 "the key of " + identity->name + " is a " +
                     std::string(to_string(identity->role)) + "'s, but came to the " +
                     (peer == Peer::client ? "clients'" : "workers'") + " socket",
                 "", "", "Workers go to the workers' port, clients and admins to the clients'"};
  }
  return text;
}

ZapHandler::ZapHandler(zmq::context_t& context, std::shared_ptr<const AllowList> allowed,
                       OnRefused on_refused)
    : allowed_(std::move(allowed)),
      on_refused_(std::move(on_refused)),
      socket_(context, zmq::socket_type::rep) {
  socket_.set(zmq::sockopt::linger, 0);
  socket_.bind(kZapEndpoint);
  thread_ = std::thread([this] { run(); });
}

ZapHandler::~ZapHandler() {
  stopping_ = true;
  wake_.ring();
  thread_.join();
}

void ZapHandler::run() {
  std::vector<zmq::pollitem_t> items = {{nullptr, wake_.fd(), ZMQ_POLLIN, 0},
                                        {socket_.handle(), 0, ZMQ_POLLIN, 0}};
  Frames request(kRequestFrames);
  while (!stopping_) {
    poll(items, std::chrono::milliseconds(-1));
    while (!stopping_ && receive(socket_, request)) answer(request);
  }
}

void ZapHandler::answer(const Frames& request) {
  if (request.extra || request.frames.size() != kRequestFrames) {
    ++refused_;
    const bool has_id = request.frames.size() > 1;
    return reply(has_id ? frame(request, 1) : "", kRefused, "not a request about a key", "");
  }
  const auto asked = read_request(request);
  Result<std::string> user =
      asked ? admit(*allowed_, asked->peer, asked->key)
            : Result<std::string>(Error{ErrorCode::unauthorized, "it gave no key", "", "", ""});
  if (user) return reply(frame(request, 1), kOk, "", *user);
  ++refused_;
  reply(frame(request, 1), kRefused, user.error().message, "");
  if (on_refused_) {
    on_refused_({asked ? asked->peer : Peer::client, std::string(frame(request, 3)),
                 asked ? key_text(asked->key) : "", user.error()});
  }
}

void ZapHandler::reply(std::string_view request_id, std::string_view status, std::string_view text,
                       std::string_view user_id) {
  send_frames(socket_, {kZapVersion, request_id, status, text, user_id, {}});
}

}  // namespace kiln::net
