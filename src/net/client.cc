#include "net/client.h"

#include <array>
#include <deque>
#include <map>

#include "net/transport.h"
#include "net/zap.h"
#include "net/zmq_parts.h"

namespace kiln::net {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// zmq_poll counts milliseconds: round up, or the last one becomes a busy loop.
milliseconds left_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
  return std::max(left, milliseconds(0));
}

}  // namespace

class Client::Impl {
 public:
  Impl(std::string endpoint, const std::optional<ClientKeys>& keys)
      : endpoint_(std::move(endpoint)), with_keys_(keys.has_value()) {
    set_common_options(socket_, endpoint_);
    if (keys) set_client_keys(socket_, *keys);
    socket_.set(zmq::sockopt::reconnect_ivl, kReconnectMillis);
    socket_.set(zmq::sockopt::reconnect_ivl_max, kReconnectMaxMillis);
    socket_.connect(endpoint_);
  }

  uint64_t next_rid() { return ++last_rid_; }
  const std::string& endpoint() const { return endpoint_; }
  bool was_broken_off() const { return with_keys_ && broken_off_; }

  Result<uint64_t> post(uint64_t rid, const std::string& bytes) {
    if (bytes.size() > kMaxMessageBytes) {
      return Error{ErrorCode::too_large,
                   "the request has " + std::to_string(bytes.size()) + " bytes", "", "",
                   "At most " + std::to_string(kMaxMessageBytes) + " fit one message"};
    }
    if (send_frames(socket_, {bytes}) != SendOutcome::sent) {
      return Error{ErrorCode::busy, "the broker at " + endpoint_ + " takes no more requests", "",
                   "", "Wait for the answers to earlier ones, or try again later"};
    }
    answers_[rid] = std::nullopt;
    return rid;
  }

  // Nothing when the time is over.
  std::optional<Result<Ok>> answer(uint64_t rid, Clock::time_point deadline) {
    if (!answers_.contains(rid)) {
      return Result<Ok>(Error{ErrorCode::not_found,
                              "no request " + std::to_string(rid) + " waits for an answer", "", "",
                              ""});
    }
    do {
      if (const auto problem = receive_all(rid)) return Result<Ok>(*problem);
      if (refused_) return Result<Ok>(*refused_);
      if (const auto it = answers_.find(rid); it->second) {
        auto out = std::move(it->second);
        answers_.erase(it);
        return out;
      }
    } while (wait(deadline, -1));
    return std::nullopt;
  }

  void forget(uint64_t rid) { answers_.erase(rid); }

  Result<std::optional<Event>> next_event(Clock::time_point deadline, int wake_fd) {
    do {
      if (const auto problem = receive_all(0)) return *problem;
      if (!events_.empty()) return pop_event();
      if (refused_) return *refused_;
    } while (wait(deadline, wake_fd));
    return std::optional<Event>();
  }

 private:
  // False when there is nothing to read: the time is over, or wake_fd is readable.
  bool wait(Clock::time_point deadline, int wake_fd) {
    // A negative descriptor is passed over (poll(2)).
    std::array fds = {readable(socket_), readable(monitor_.socket()), readable(wake_fd)};
    if (!std::exchange(followed_, true)) follow_connection();
    while (!refused_) {
      wait_readable(fds, left_until(deadline));
      if (fds[1].revents != 0) follow_connection();
      if (fds[0].revents != 0) return true;
      if (fds[2].revents != 0) return false;
      if (Clock::now() >= deadline) return false;
    }
    return true;
  }

  void follow_connection() {
    const MonitorNews news = monitor_.drain();
    if (auto why = refusal(news, endpoint_, with_keys_)) refused_ = std::move(why);
    if (news.has(ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)) broken_off_ = true;
    if (news.has(ZMQ_EVENT_HANDSHAKE_SUCCEEDED)) broken_off_ = false;
  }

  // An error that names no request is taken as the answer to `waiting`: the broker could not read
  // that far.
  std::optional<Error> receive_all(uint64_t waiting) {
    Frames frames;
    while (receive(socket_, frames)) {
      Payload payload;
      if (payload_of(frames, 0, payload) != Shape::message) continue;
      auto message = decode_to_client(payload.bytes);
      if (!message.ok()) return std::move(message).error();
      if (auto* event = std::get_if<Event>(&*message)) push_event(std::move(*event));
      if (auto* ok = std::get_if<Ok>(&*message)) settle(ok->rid, std::move(*ok));
      if (auto* error = std::get_if<ErrorReply>(&*message)) {
        settle(error->rid == 0 ? waiting : error->rid, std::move(error->error));
      }
    }
    return std::nullopt;
  }

  // Answers that nobody waits for (any more) are dropped.
  void settle(uint64_t rid, Result<Ok> answer) {
    if (const auto it = answers_.find(rid); it != answers_.end()) it->second = std::move(answer);
  }

  void push_event(Event event) {
    event_bytes_ += event.data.size();
    events_.push_back(std::move(event));
    while (events_.size() > kMaxEventsHeld || event_bytes_ > kMaxEventBytesHeld) {
      const auto oldest = std::find_if(events_.begin(), events_.end(),
                                       [](const Event& e) { return e.kind == "output"; });
      const auto victim = oldest == events_.end() ? events_.begin() : oldest;
      event_bytes_ -= victim->data.size();
      events_.erase(victim);
    }
  }

  std::optional<Event> pop_event() {
    Event out = std::move(events_.front());
    events_.pop_front();
    event_bytes_ -= out.data.size();
    return out;
  }

  const std::string endpoint_;
  zmq::context_t context_;
  zmq::socket_t socket_{context_, zmq::socket_type::dealer};
  Monitor monitor_{context_, socket_, "client", ZMQ_EVENT_HANDSHAKE_SUCCEEDED | kHandshakeFailures};
  const bool with_keys_;
  std::optional<Error> refused_;  // for good: libzmq does not connect again by itself
  bool followed_ = false;         // looked at once: see wait_readable
  bool broken_off_ = false;
  uint64_t last_rid_ = 0;
  std::map<uint64_t, std::optional<Result<Ok>>> answers_;  // one entry for each open request
  std::deque<Event> events_;
  size_t event_bytes_ = 0;
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::connect(const std::string& endpoint, Duration timeout,
                                                const std::optional<ClientKeys>& keys) {
  std::unique_ptr<Client> client;
  try {
    client.reset(new Client(std::make_unique<Impl>(endpoint, keys)));
  } catch (const zmq::error_t& error) {
    return Error{ErrorCode::invalid_argument, "cannot connect to '" + endpoint + "'", "endpoint",
                 zmq_strerror(error.num()), "Write it as tcp://127.0.0.1:5570"};
  }
  auto pong = client->request(Ping{}, timeout);
  if (pong.ok()) return client;
  if (pong.error().code != ErrorCode::timeout) return std::move(pong).error();
  if (client->impl_->was_broken_off()) return broken_off(endpoint);
  return Error{ErrorCode::unavailable, "no broker answers at " + endpoint, "", "",
               "Start one with 'kiln serve', or name another with --broker"};
}

uint64_t Client::next_rid() { return impl_->next_rid(); }

Result<uint64_t> Client::post_encoded(uint64_t rid, std::string bytes) {
  return impl_->post(rid, bytes);
}

Result<Ok> Client::wait_for(uint64_t rid, Duration timeout) {
  auto out = impl_->answer(rid, Clock::now() + timeout);
  if (out) return *std::move(out);
  impl_->forget(rid);
  return Error{ErrorCode::timeout, "the broker at " + impl_->endpoint() + " did not answer in time",
               "", "", "Look whether it still runs, and try again"};
}

Result<std::optional<Ok>> Client::answer(uint64_t rid, Duration timeout) {
  auto out = impl_->answer(rid, Clock::now() + timeout);
  if (!out) return std::optional<Ok>();
  if (!out->ok()) return std::move(*out).error();
  return std::optional<Ok>(std::move(*out).value());
}

Result<std::optional<Event>> Client::next_event(Duration timeout, int wake_fd) {
  return impl_->next_event(Clock::now() + timeout, wake_fd);
}

}  // namespace kiln::net
