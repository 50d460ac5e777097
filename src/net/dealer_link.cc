// Theory of operation. One thread owns a DEALER socket and its monitor. libzmq connects, and
// connects again by itself; HANDSHAKE_SUCCEEDED tells that it did, DISCONNECTED that the connection
// broke. With ZMQ_IMMEDIATE the socket takes messages only for an open connection, so nothing said
// before a break is delivered after it: what is sent without a connection is dropped, and the
// protocol's `hello` starts anew. While connected, what the socket cannot take waits in a bounded
// backlog.
//
// Refused. A handshake that fails for good (a key that is not let in, keys where none are wanted or
// the other way round) ends libzmq's own attempts: the socket is then opened anew every
// kRefusedRetry, since the broker's allow list may change.
#include <array>
#include <atomic>
#include <optional>
#include <thread>

#include "net/protocol.h"
#include "net/transport.h"
#include "net/zap.h"
#include "net/zmq_parts.h"

namespace kiln::net {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kRetry{5};
constexpr milliseconds kRefusedRetry{1'000};

}  // namespace

class DealerLink::Impl {
 public:
  Impl(std::string endpoint, LinkHandlers handlers, std::optional<ClientKeys> keys)
      : endpoint_(std::move(endpoint)), handlers_(std::move(handlers)), keys_(std::move(keys)) {}
  ~Impl() { stop(milliseconds(0)); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // Throws zmq::error_t when the endpoint cannot be one.
  void start() {
    open();
    thread_ = std::thread([this] { run(); });
  }

  void send(std::vector<std::string> messages) {
    bool first = false;  // with earlier ones there the thread is rung for already
    {
      const std::lock_guard lock(mutex_);
      first = queued_.empty();
      for (std::string& message : messages) queued_.push_back(std::move(message));
    }
    if (first) wake_.ring();
  }
  void reconnect() {
    ask([&] { reopen_ = true; });
  }
  void stop(Duration linger) {
    if (!thread_.joinable()) return;
    ask([&] { stop_at_ = Clock::now() + linger; });
    thread_.join();
    context_.close();
  }
  TransportCounts counts() const { return {inbound_dropped_, outbound_dropped_, refused_}; }

 private:
  struct Asked {
    std::vector<std::string> messages;
    bool reopen = false;
    std::optional<Clock::time_point> stop_at;
  };

  template <class Change>
  void ask(Change change) {
    {
      const std::lock_guard lock(mutex_);
      change();
    }
    wake_.ring();
  }

  Asked take_asked() {
    Asked out;
    const std::lock_guard lock(mutex_);
    out.messages.swap(queued_);
    out.reopen = std::exchange(reopen_, false);
    out.stop_at = stop_at_;
    return out;
  }

  void open() {
    socket_ = zmq::socket_t(context_, zmq::socket_type::dealer);
    set_common_options(socket_, endpoint_);
    if (keys_) set_client_keys(socket_, *keys_);
    socket_.set(zmq::sockopt::immediate, true);
    socket_.set(zmq::sockopt::reconnect_ivl, kReconnectMillis);
    socket_.set(zmq::sockopt::reconnect_ivl_max, kReconnectMaxMillis);
    monitor_.emplace(context_, socket_, "link" + std::to_string(++opened_),
                     ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | kHandshakeFailures);
    socket_.connect(endpoint_);
    has_news_ = true;  // looked for before anything is waited for: see wait_readable
    wake_.ring();
  }

  void drop_connection() {
    connected_ = false;
    outbound_dropped_ += backlog_.size();
    backlog_.clear();
    backlog_bytes_ = 0;
  }

  void reopen() {
    drop_connection();
    reopen_at_.reset();
    monitor_.reset();
    socket_.close();
    open();
  }

  void run() {
    std::optional<Clock::time_point> stop_at;
    while (!stop_at) {
      wait();
      if (std::exchange(has_news_, false)) follow_connection();
      Asked asked = take_asked();
      stop_at = asked.stop_at;
      if (asked.reopen || (reopen_at_ && Clock::now() >= *reopen_at_)) reopen();
      for (std::string& message : asked.messages) keep(std::move(message));
      send_backlog();
      if (!stop_at) receive_batch();
    }
    close(*stop_at);
  }

  void wait() {
    std::array fds = {readable(wake_.fd()), readable(socket_), readable(monitor_->socket())};
    milliseconds timeout{-1};
    if (reopen_at_) timeout = kRefusedRetry;
    if (!backlog_.empty()) timeout = kRetry;
    wait_readable(fds, timeout);
    if (fds[0].revents != 0) wake_.clear();
    has_news_ = has_news_ || fds[2].revents != 0;
  }

  void follow_connection() {
    const MonitorNews news = monitor_->drain();
    if (news.has(ZMQ_EVENT_DISCONNECTED)) drop_connection();
    if (auto why = refusal(news, endpoint_, keys_.has_value())) {
      ++refused_;
      reopen_at_ = Clock::now() + kRefusedRetry;
      tell_refusal(*std::move(why));
    }
    if (keys_ && news.has(ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)) {
      ++refused_;
      tell_refusal(broken_off(endpoint_));
    }
    // Both in one round: it broke and is open again, or opened and broke. In the second case hello
    // is said into the void and again when the next connection opens.
    if (!news.has(ZMQ_EVENT_HANDSHAKE_SUCCEEDED)) return;
    connected_ = true;
    refusal_told_ = false;
    handlers_.on_connected();
  }

  void tell_refusal(Error why) {
    if (std::exchange(refusal_told_, true) || !handlers_.on_refused) return;
    handlers_.on_refused(std::move(why));
  }

  // A broker that does not read gets a new connection: its hello settles what is dropped here.
  void keep(std::string message) {
    const bool sendable = connected_ && message.size() <= kMaxMessageBytes;
    if (!sendable || backlog_bytes_ + message.size() > kMaxBacklogBytes + kMaxMessageBytes) {
      ++outbound_dropped_;
      if (sendable) reopen();
      return;
    }
    backlog_bytes_ += message.size();
    backlog_.push_back(std::move(message));
    if (backlog_.size() > kHighWaterMark) send_backlog();
  }

  void send_backlog() {
    while (!backlog_.empty()) {
      if (send_frames(socket_, {backlog_.front()}) != SendOutcome::sent) return;
      backlog_bytes_ -= backlog_.front().size();
      backlog_.pop_front();
    }
  }

  void receive_batch() {
    std::vector<std::string> batch;
    size_t bytes = 0;
    Frames frames;
    bool any = true;
    while (any && batch.size() < kMaxBatchMessages && bytes < kMaxBatchBytes) {
      any = receive(socket_, frames);
      if (!any) break;
      Payload payload;
      const Shape shape = payload_of(frames, 0, payload);
      if (shape == Shape::wrong) ++inbound_dropped_;
      if (shape != Shape::message) continue;
      bytes += payload.bytes.size();
      batch.emplace_back(payload.bytes);
    }
    if (!batch.empty()) handlers_.on_batch(std::move(batch));
    if (any) wake_.ring();
  }

  void close(Clock::time_point deadline) {
    while (!backlog_.empty() && Clock::now() < deadline) {
      wait_readable({}, kRetry);
      send_backlog();
    }
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    monitor_.reset();
    socket_.set(zmq::sockopt::linger, static_cast<int>(std::max<int64_t>(0, left.count())));
    socket_.close();
  }

  const std::string endpoint_;
  LinkHandlers handlers_;
  const std::optional<ClientKeys> keys_;
  zmq::context_t context_;
  Wake wake_;
  std::thread thread_;
  std::atomic<uint64_t> inbound_dropped_ = 0;
  std::atomic<uint64_t> outbound_dropped_ = 0;
  std::atomic<uint64_t> refused_ = 0;

  std::mutex mutex_;  // guards the next three
  std::vector<std::string> queued_;
  bool reopen_ = false;
  std::optional<Clock::time_point> stop_at_;

  // The thread's own once it runs.
  zmq::socket_t socket_;
  std::optional<Monitor> monitor_;
  bool has_news_ = false;  // of the monitor
  uint64_t opened_ = 0;
  bool connected_ = false;
  bool refusal_told_ = false;
  std::optional<Clock::time_point> reopen_at_;
  std::deque<std::string> backlog_;
  size_t backlog_bytes_ = 0;
};

DealerLink::DealerLink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DealerLink::~DealerLink() = default;

Result<std::unique_ptr<DealerLink>> DealerLink::start(const std::string& endpoint,
                                                      LinkHandlers handlers,
                                                      std::optional<ClientKeys> keys) {
  try {
    auto impl = std::make_unique<Impl>(endpoint, std::move(handlers), std::move(keys));
    impl->start();
    return std::unique_ptr<DealerLink>(new DealerLink(std::move(impl)));
  } catch (const zmq::error_t& error) {
    Error out = zmq_error(ErrorCode::invalid_argument, "connect to " + endpoint, error.num());
    out.field = "endpoint";
    out.hint = "Write it as tcp://127.0.0.1:5571";
    return out;
  }
}

void DealerLink::send(std::vector<std::string> messages) { impl_->send(std::move(messages)); }
TransportCounts DealerLink::counts() const { return impl_->counts(); }
void DealerLink::reconnect() { impl_->reconnect(); }
void DealerLink::stop(Duration linger) { impl_->stop(linger); }

}  // namespace kiln::net
