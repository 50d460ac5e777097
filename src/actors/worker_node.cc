#include "actors/worker_node.h"

#include "actors/actor.h"
#include "actors/language_probe.h"
#include "actors/system_config.h"

namespace kiln::actors {

class WorkerNode::Impl {
 public:
  Impl(size_t threads, std::shared_ptr<CellHost> cells, FoundLanguages languages)
      : cells_(std::move(cells)),
        languages_(std::move(languages)),
        config_(threads),
        system_(config_) {}
  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status start(WorkerNodeOptions& options, WorkerHandlers handlers) {
    WorkerLanguages offered{std::move(options.languages), {}};
    for (const auto& found : languages_.found) offered.versions[found.name] = found.version;
    WorkerParts parts{cells_, std::move(offered), session_options(options), options.insight};
    const std::function<void(Error)> on_fatal = handlers.on_fatal;
    supervisor_ = spawn_worker_supervisor(system_, std::move(parts), std::move(handlers));
    supervise_supervisor(supervisor_, on_fatal);
    std::optional<Error> failure;
    caf::scoped_actor self(system_);
    self->request(supervisor_, caf::infinite, OpenLink{options.broker_endpoint, options.keys})
        .receive([&](LinkOpened& opened) { failure = std::move(opened.error); },
                 [&](caf::error& error) {
                   failure = Error{ErrorCode::internal, "the worker's actors do not work", "",
                                   system_.render(error), ""};
                 });
    if (failure) return std::move(*failure);
    return {};
  }

  const FoundLanguages& languages() const { return languages_; }
  void drain() {
    if (supervisor_) caf::anon_send(supervisor_, DrainAtom::value);
  }

  bool crash(const std::string& actor) {
    bool crashed = false;
    caf::scoped_actor self(system_);
    self->request(supervisor_, caf::infinite, CrashChild{actor})
        .receive([&](bool answer) { crashed = answer; }, [](const caf::error&) {});
    return crashed;
  }

  void stop() {
    if (stopped_) return;
    stopped_ = true;
    cells_->stop();
    if (supervisor_) caf::anon_send(supervisor_, StopAtom::value);
    // Ours is the last reference to it: dropped earlier, CAF destroys it between two messages and
    // nobody ends its children.
    system_.await_all_actors_done();
    supervisor_ = nullptr;
  }

 private:
  core::WorkerOptions session_options(const WorkerNodeOptions& options) const {
    Random random = seeded_random();
    core::WorkerOptions session;
    session.instance = make_id<InstanceId>(real_now().wall, random);
    session.name = options.name;
    session.slots = options.slots;
    session.prefetch = options.slots;
    session.languages = languages_.found;
    session.tags = options.tags;
    session.queues = options.queues;
    return session;
  }

  std::shared_ptr<CellHost> cells_;
  FoundLanguages languages_;
  SystemConfig config_;
  caf::actor_system system_;
  WorkerSupervisor supervisor_;
  bool stopped_ = false;
};

WorkerInsight new_worker_insight() {
  return {
      std::make_shared<metrics::Worker>(KILN_VERSION),
      std::make_shared<metrics::Readiness>(std::vector<std::string>{kBrokerPart, kLauncherPart})};
}

WorkerNode::WorkerNode(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WorkerNode::~WorkerNode() = default;

namespace {

Result<std::shared_ptr<CellHost>> start_cells(WorkerNodeOptions& options) {
  if (options.noop) return std::shared_ptr<CellHost>(CellHost::noop(options.insight));
  auto started = CellHost::start(std::move(options.monitor_control), options.insight);
  if (!started) return std::move(started).error();
  return std::shared_ptr<CellHost>(std::move(*started));
}

FoundLanguages languages_of(CellHost& cells, WorkerNodeOptions& options) {
  if (!options.noop) return find_languages(cells, options.languages);
  options.languages = config::only(config::noop_language());
  return {{{std::string(config::kNoop), "0"}}, {}};
}

}  // namespace

Result<std::unique_ptr<WorkerNode>> WorkerNode::start(WorkerNodeOptions options,
                                                      WorkerHandlers handlers) {
  if (Status status = model::validate_name("name", options.name); !status.ok()) {
    return status.error();
  }
  if (!options.insight.counted) options.insight = new_worker_insight();
  auto cells = start_cells(options);
  if (!cells) return std::move(cells).error();
  FoundLanguages languages = languages_of(**cells, options);
  auto impl = std::make_unique<Impl>(options.threads, std::move(*cells), std::move(languages));
  if (Status status = impl->start(options, std::move(handlers)); !status.ok()) {
    return status.error();
  }
  return std::unique_ptr<WorkerNode>(new WorkerNode(std::move(impl)));
}

const std::vector<model::LanguageVersion>& WorkerNode::languages() const {
  return impl_->languages().found;
}
const std::vector<MissingLanguage>& WorkerNode::missing_languages() const {
  return impl_->languages().missing;
}
void WorkerNode::drain() { impl_->drain(); }
bool WorkerNode::crash(const std::string& actor) { return impl_->crash(actor); }
void WorkerNode::stop() { impl_->stop(); }

}  // namespace kiln::actors
