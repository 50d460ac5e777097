// Theory of operation. One thread owns two ROUTER sockets and the monitor of the workers' one. It
// polls them and an eventfd; a round then takes what others queued with send(), sends it, drains
// both sockets in turn into one batch, hands that over, and probes workers if a connection broke.
//
// Routes. What callers see as a route is the ROUTER's routing id, the text of the peer's key (if
// there are keys) and one byte more: whether the peer puts an empty delimiter before its messages
// (REQ) or not. So nothing has to be kept for a client, however many come and go.
//
// Keys. libzmq lets in whom the ZAP handler admits (zap.h) and attaches the key to each message.
// A peer may choose its routing id, even that of one that just left, and would be sent what was
// meant for that one; so with keys only ids that the ROUTER made are accepted: a zero byte and a
// counter that starts at a random 32-bit number. Whom the list no longer names is refused here, and
// send_to() finds it unreachable.
//
// Slow peers. With ROUTER_MANDATORY a full pipe is EAGAIN: the message waits in a backlog, and
// everything later for that route behind it. ZMQ_POLLOUT says nothing about one route, so while
// there is a backlog it is tried every kRetry. A backlog out of bounds gives its route up.
//
// Gone workers. DISCONNECTED does not say who left (the draft API would). So every route that has
// spoken is sent an empty message, which DealerLink ignores: EHOSTUNREACH tells the ones that left.
// A connection can still be closing when the event comes, hence a second probe kSecondProbe later.
#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>

#include "net/codec.h"
#include "net/protocol.h"
#include "net/transport.h"
#include "net/zap.h"
#include "net/zmq_parts.h"

namespace kiln::net {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kRetry{5};
constexpr milliseconds kSecondProbe{100};
constexpr char kPlain = 0;
constexpr char kDelimited = 1;
constexpr size_t kRouterIdSize = 5;  // of ids that the ROUTER makes; they begin with a zero byte
constexpr const char* kUserId = "User-Id";

struct Backlog {
  std::deque<std::string> messages;
  size_t bytes = 0;
};

struct Side {
  Side(zmq::context_t& context, Peer which)
      : peer(which), socket(context, zmq::socket_type::router) {}
  Peer peer;
  zmq::socket_t socket;
  std::string endpoint;
  std::unordered_map<std::string, Backlog> backlogs;  // by route
  std::optional<Monitor> monitor;
  std::shared_ptr<const AllowList> allowed;   // null: no keys
  std::shared_ptr<const Identity> anonymous;  // everybody, where there are no keys
};

std::string_view key_of(const Side& side, std::string_view route) {
  if (!side.allowed || route.size() <= kKeyTextLength) return {};
  return route.substr(route.size() - 1 - kKeyTextLength, kKeyTextLength);
}

// Null: that key may not speak here (any more).
std::shared_ptr<const Identity> identity_of(const Side& side, std::string_view key) {
  if (!side.allowed) return side.anonymous;
  auto identity = side.allowed->find(key);
  if (identity && !may_use(identity->role, side.peer)) identity.reset();
  return identity;
}

Status bind(Side& side, const std::string& endpoint, const std::optional<ServerKeys>& keys) {
  set_common_options(side.socket, endpoint);
  side.socket.set(zmq::sockopt::router_mandatory, true);
  // No high-water mark for what comes in. With one, any peer could end the broker: libzmq 4.3.4
  // aborts when a connection breaks while its input is stopped at the mark and a heartbeat is in
  // what was read already (zeromq/libzmq issue 4364). The price: a peer that floods faster than is
  // read here grows the broker's memory.
  side.socket.set(zmq::sockopt::rcvhwm, 0);
  if (keys) {
    side.allowed = keys->allowed;
    set_server_keys(side.socket, side.peer, keys->own.secret_key);
  } else {
    const Role role = side.peer == Peer::client ? Role::admin : Role::worker;
    side.anonymous =
        std::make_shared<Identity>(Identity{role, std::string(kDefaultTenant), "", ""});
  }
  try {
    side.socket.bind(endpoint);
  } catch (const zmq::error_t& error) {
    Error out = zmq_error(ErrorCode::io_error, "listen on " + endpoint, error.num());
    if (error.num() == EADDRINUSE) {
      out.hint = "Another broker may run there: stop it, or choose another port";
    }
    return out;
  }
  side.endpoint = side.socket.get(zmq::sockopt::last_endpoint);
  return {};
}

void watch(zmq::context_t& context, Side& side) {
  const bool workers = side.peer == Peer::worker;
  side.monitor.emplace(context, side.socket, workers ? "workers" : "clients",
                       kHandshakeFailures | (workers ? ZMQ_EVENT_DISCONNECTED : 0));
}

// The frames' route; the payload is their last one.
std::string route_of(const Side& side, const Frames& frames, const Payload& payload) {
  std::string route = frames.frames[0].to_string();
  if (side.allowed) {
    const char* key = zmq_msg_gets(frames.frames.back().handle(), kUserId);
    route += key ? std::string_view(key) : std::string_view();
  }
  route.push_back(payload.delimited ? kDelimited : kPlain);
  return route;
}

bool is_made_by_router(const zmq::message_t& id) {
  return id.size() == kRouterIdSize && *id.data<char>() == '\0';
}

SendOutcome send_to(Side& side, const std::string& route, std::string_view bytes,
                    bool even_refused = false) {
  const size_t tail = 1 + (side.allowed ? kKeyTextLength : 0);
  if (route.size() < tail) return SendOutcome::unreachable;
  if (!even_refused && !identity_of(side, key_of(side, route))) return SendOutcome::unreachable;
  const std::string_view id = std::string_view(route).substr(0, route.size() - tail);
  if (route.back() == kDelimited) return send_frames(side.socket, {id, {}, bytes});
  return send_frames(side.socket, {id, bytes});
}

}  // namespace

class RouterServer::Impl {
 public:
  explicit Impl(ServerHandlers handlers) : handlers_(std::move(handlers)) {}
  ~Impl() { stop(milliseconds(0)); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status start(const ServerOptions& options) {
    if (options.keys) zap_.emplace(context_, options.keys->allowed, handlers_.on_refused);
    if (Status s = bind(clients_, options.clients_endpoint, options.keys); !s) return s;
    if (Status s = bind(workers_, options.workers_endpoint, options.keys); !s) return s;
    watch(context_, clients_);
    watch(context_, workers_);
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void send(std::vector<Outbound> batch) {
    bool first = false;  // with earlier ones there the thread is rung for already
    {
      const std::lock_guard lock(mutex_);
      first = queued_.empty();
      for (Outbound& message : batch) queued_.push_back(std::move(message));
    }
    if (first) wake_.ring();
  }

  void stop(Duration linger) {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stop_at_ = Clock::now() + linger;
    }
    wake_.ring();
    thread_.join();
    zap_.reset();
    context_.close();
  }

  const Side& clients() const { return clients_; }
  const Side& workers() const { return workers_; }
  TransportCounts counts() const {
    return {inbound_dropped_, outbound_dropped_, zap_ ? zap_->refused() : 0, failed_,
            unauthorized_};
  }

 private:
  void run() {
    std::optional<Clock::time_point> stop_at;
    fds_ = {readable(wake_.fd()), readable(clients_.socket), readable(workers_.socket),
            readable(clients_.monitor->socket()), readable(workers_.monitor->socket())};
    // What came since the sockets were bound is looked for before anything is waited for.
    has_news_ = true;
    wake_.ring();
    while (!stop_at) {
      wait();
      stop_at = send_queued();
      retry_backlogs();
      if (!stop_at) receive_batches();
      probe_if_due();
    }
    flush_until(*stop_at);
    close(*stop_at);
  }

  void wait() {
    milliseconds timeout{-1};
    if (probe_at_) timeout = kSecondProbe;
    if (has_backlog()) timeout = kRetry;
    wait_readable(fds_, timeout);
    if (fds_[kWakeFd].revents != 0) wake_.clear();
    has_news_ = has_news_ || fds_[kClientsNewsFd].revents != 0 || fds_[kWorkersNewsFd].revents != 0;
  }

  // Returns when to stop, if it was asked for.
  std::optional<Clock::time_point> send_queued() {
    std::vector<Outbound> batch;
    std::optional<Clock::time_point> stop_at;
    {
      const std::lock_guard lock(mutex_);
      batch.swap(queued_);
      stop_at = stop_at_;
    }
    for (Outbound& message : batch) send_one(message);
    return stop_at;
  }

  void send_one(Outbound& message) {
    Side& side = message.peer == Peer::client ? clients_ : workers_;
    if (message.bytes.size() > kMaxMessageBytes) {
      ++outbound_dropped_;
      return;
    }
    if (side.backlogs.contains(message.route)) return keep(side, message);
    switch (send_to(side, message.route, message.bytes)) {
      case SendOutcome::sent:
        return;
      case SendOutcome::full:
        return keep(side, message);
      case SendOutcome::unreachable:
        ++outbound_dropped_;
        return lose(side, message.route);
    }
  }

  void keep(Side& side, Outbound& message) {
    const std::string route = message.route;
    Backlog& backlog = side.backlogs[route];
    backlog.bytes += message.bytes.size();
    backlog_bytes_ += message.bytes.size();
    backlog.messages.push_back(std::move(message.bytes));
    if (backlog.bytes <= kMaxBacklogBytes && backlog.messages.size() <= kMaxBacklogMessages &&
        backlog_bytes_ <= kMaxAllBacklogBytes) {
      return;
    }
    lose(side, route);
  }

  void lose(Side& side, const std::string& route) {
    if (const auto it = side.backlogs.find(route); it != side.backlogs.end()) {
      outbound_dropped_ += it->second.messages.size();
      backlog_bytes_ -= it->second.bytes;
      side.backlogs.erase(it);
    }
    if (side.peer == Peer::worker) known_workers_.erase(route);
    handlers_.on_unreachable(side.peer, route);
  }

  bool has_backlog() const { return !clients_.backlogs.empty() || !workers_.backlogs.empty(); }

  void retry_backlogs() {
    for (Side* side : {&clients_, &workers_}) {
      std::vector<std::string> routes;
      for (const auto& [route, backlog] : side->backlogs) routes.push_back(route);
      for (const std::string& route : routes) retry(*side, route);
    }
  }

  void retry(Side& side, const std::string& route) {
    Backlog& backlog = side.backlogs[route];
    while (!backlog.messages.empty()) {
      const SendOutcome outcome = send_to(side, route, backlog.messages.front());
      if (outcome == SendOutcome::full) return;
      if (outcome == SendOutcome::unreachable) return lose(side, route);
      backlog.bytes -= backlog.messages.front().size();
      backlog_bytes_ -= backlog.messages.front().size();
      backlog.messages.pop_front();
    }
    side.backlogs.erase(route);
  }

  // One message of each socket in turn, so that neither starves the other. What exceeds a batch
  // stays in the sockets for the next round; sends come between.
  void receive_batches() {
    std::vector<Inbound> batch;
    size_t bytes = 0;
    bool clients = true, workers = true;  // whether it may have more
    while ((clients || workers) && batch.size() < kMaxBatchMessages && bytes < kMaxBatchBytes) {
      clients = clients && receive_one(clients_, batch, bytes);
      workers = workers && receive_one(workers_, batch, bytes);
    }
    if (!batch.empty()) handlers_.on_batch(std::move(batch));
    if (clients || workers) wake_.ring();  // its edge-triggered descriptor would not say so again
  }

  bool receive_one(Side& side, std::vector<Inbound>& batch, size_t& bytes) {
    Frames frames;
    if (!receive(side.socket, frames)) return false;
    Payload payload;
    if (payload_of(frames, 1, payload) != Shape::message ||
        payload.bytes.size() > kMaxMessageBytes) {
      ++inbound_dropped_;
      return true;
    }
    const std::string route = route_of(side, frames, payload);
    auto sender = identity_of(side, key_of(side, route));
    if (!sender || (side.allowed && !is_made_by_router(frames.frames[0]))) {
      refuse(side, route, payload.bytes, sender != nullptr);
      return true;
    }
    if (side.peer == Peer::worker) known_workers_.insert(route);
    bytes += payload.bytes.size();
    batch.push_back({side.peer, route, std::string(payload.bytes), std::move(sender)});
    return true;
  }

  void refuse(Side& side, const std::string& route, std::string_view bytes, bool known_key) {
    ++unauthorized_;
    if (side.peer == Peer::worker) {
      if (known_workers_.contains(route)) lose(side, route);
      return;
    }
    Error why{ErrorCode::unauthorized, "this key may not come in any more", "", "",
              "Ask whoever keeps the broker's allow list"};
    if (known_key) {
      why.message = "a peer with a key may not choose its own routing id";
      why.hint = "Leave ZMQ_ROUTING_ID (ZMQ_IDENTITY) of the socket unset";
    }
    const auto answer = encode(ToClient(ErrorReply{peek_rid(bytes), std::move(why)}));
    if (send_to(side, route, answer, true) != SendOutcome::sent) ++outbound_dropped_;
  }

  void probe_if_due() {
    MonitorNews news;
    if (has_news_) {
      news = workers_.monitor->drain();
      has_news_ = false;
      failed_ += news.failed + clients_.monitor->drain().failed;
    }
    const bool broken = news.has(ZMQ_EVENT_DISCONNECTED);
    const bool again = probe_at_ && Clock::now() >= *probe_at_;
    if (again) probe_at_.reset();
    if (broken) probe_at_ = Clock::now() + kSecondProbe;
    if (!broken && !again) return;
    const std::vector<std::string> routes(known_workers_.begin(), known_workers_.end());
    for (const std::string& route : routes) {
      if (send_to(workers_, route, {}) == SendOutcome::unreachable) lose(workers_, route);
    }
    wake_.ring();  // receive once more: see wait_readable
  }

  void flush_until(Clock::time_point deadline) {
    while (has_backlog() && Clock::now() < deadline) {
      wait_readable({}, kRetry);
      retry_backlogs();
    }
  }

  void close(Clock::time_point deadline) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    for (Side* side : {&clients_, &workers_}) {
      side->monitor.reset();
      side->socket.set(zmq::sockopt::linger, static_cast<int>(std::max<int64_t>(0, left.count())));
      side->socket.close();
    }
  }

  ServerHandlers handlers_;
  zmq::context_t context_;
  std::optional<ZapHandler> zap_;  // there while sockets with keys are
  Side clients_{context_, Peer::client};
  Side workers_{context_, Peer::worker};
  Wake wake_;
  std::thread thread_;
  std::atomic<uint64_t> inbound_dropped_ = 0;
  std::atomic<uint64_t> outbound_dropped_ = 0;
  std::atomic<uint64_t> failed_ = 0;
  std::atomic<uint64_t> unauthorized_ = 0;

  std::mutex mutex_;  // guards the next two
  std::vector<Outbound> queued_;
  std::optional<Clock::time_point> stop_at_;

  // The thread's own.
  enum Fd : size_t { kWakeFd, kClientsFd, kWorkersFd, kClientsNewsFd, kWorkersNewsFd, kFds };
  std::array<pollfd, kFds> fds_{};
  bool has_news_ = false;  // of a monitor
  std::set<std::string> known_workers_;
  std::optional<Clock::time_point> probe_at_;
  size_t backlog_bytes_ = 0;
};

RouterServer::RouterServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RouterServer::~RouterServer() = default;

Result<std::unique_ptr<RouterServer>> RouterServer::start(const ServerOptions& options,
                                                          ServerHandlers handlers) {
  const bool open = options.keys.has_value() || options.insecure;
  if (Status s = check_endpoint(options.clients_endpoint, open); !s) return std::move(s).error();
  if (Status s = check_endpoint(options.workers_endpoint, open); !s) return std::move(s).error();
  try {
    auto impl = std::make_unique<Impl>(std::move(handlers));
    if (Status s = impl->start(options); !s) return std::move(s).error();
    return std::unique_ptr<RouterServer>(new RouterServer(std::move(impl)));
  } catch (const zmq::error_t& error) {
    return zmq_error(ErrorCode::io_error, "start the transport", error.num());
  }
}

void RouterServer::send(std::vector<Outbound> batch) { impl_->send(std::move(batch)); }
std::string RouterServer::clients_endpoint() const { return impl_->clients().endpoint; }
std::string RouterServer::workers_endpoint() const { return impl_->workers().endpoint; }
TransportCounts RouterServer::counts() const { return impl_->counts(); }
void RouterServer::stop(Duration linger) { impl_->stop(linger); }

}  // namespace kiln::net
