#include "actors/broker_node.h"

#include "actors/actor.h"
#include "actors/system_config.h"

namespace kiln::actors {

class BrokerNode::Impl {
 public:
  Impl(BrokerOptions options, std::function<void(Error)> on_fatal)
      : insight_(options.insight),
        config_(options.threads),
        system_(config_),
        supervisor_(spawn_broker_supervisor(system_, std::move(options), on_fatal)) {
    supervise_supervisor(supervisor_, std::move(on_fatal));
  }
  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status start() {
    listening_ = ask<Listening>(StartBroker{});
    if (listening_.error) return *listening_.error;
    return {};
  }

  const Listening& listening() const { return listening_; }
  std::string metrics() {
    return insight_.counted->text(ask<Sample>(SampleRequest{}).sample, real_now().mono);
  }

  bool crash(const std::string& actor) { return ask<bool>(CrashChild{actor}); }

  void stop() {
    if (stopped_) return;
    stopped_ = true;
    caf::anon_send(supervisor_, StopAtom::value);
    // Ours is the last reference to it: dropped earlier, CAF destroys it between two messages and
    // nobody ends its children.
    system_.await_all_actors_done();
    supervisor_ = nullptr;
  }

 private:
  template <class Answer, class Question>
  Answer ask(Question question) {
    caf::scoped_actor self(system_);
    Answer answer{};
    self->request(supervisor_, caf::infinite, std::move(question))
        .receive([&](Answer& given) { answer = std::move(given); },
                 [&](caf::error& error) {
                   log::error("an actor does not answer", {{"cause", system_.render(error)}});
                   fail(answer, system_.render(error));
                 });
    return answer;
  }
  static void fail(Listening& answer, const std::string& cause) {
    answer.error = Error{ErrorCode::internal, "the broker's actors do not work", "", cause, ""};
  }
  static void fail(bool& /*answer*/, const std::string& /*cause*/) {}
  static void fail(Sample& /*answer*/, const std::string& /*cause*/) {}

  BrokerInsight insight_;
  SystemConfig config_;
  caf::actor_system system_;
  BrokerSupervisor supervisor_;
  Listening listening_;
  bool stopped_ = false;
};

BrokerInsight new_broker_insight() {
  return {std::make_shared<metrics::Broker>(KILN_VERSION),
          std::make_shared<metrics::Readiness>(std::vector<std::string>{kStorePart, kSocketsPart})};
}

BrokerNode::BrokerNode(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BrokerNode::~BrokerNode() = default;

Result<std::unique_ptr<BrokerNode>> BrokerNode::start(BrokerOptions options,
                                                      std::function<void(Error)> on_fatal) {
  if (!options.open_store) {
    options.open_store = [directory = options.data_directory] {
      return store::open_sqlite_store(directory);
    };
  }
  if (!options.insight.counted) options.insight = new_broker_insight();
  auto impl = std::make_unique<Impl>(std::move(options), std::move(on_fatal));
  if (Status status = impl->start(); !status.ok()) return status.error();
  return std::unique_ptr<BrokerNode>(new BrokerNode(std::move(impl)));
}

std::string BrokerNode::clients_endpoint() const { return impl_->listening().clients_endpoint; }
std::string BrokerNode::workers_endpoint() const { return impl_->listening().workers_endpoint; }
std::string BrokerNode::metrics() const { return impl_->metrics(); }
bool BrokerNode::crash(const std::string& actor) { return impl_->crash(actor); }
void BrokerNode::stop() { impl_->stop(); }

}  // namespace kiln::actors
