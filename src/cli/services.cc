#include "cli/services.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include "actors/broker_node.h"
#include "actors/cell_request.h"
#include "actors/worker_node.h"
#include "cli/access.h"
#include "cli/console.h"
#include "cli/directories.h"
#include "cli/exit_codes.h"
#include "cli/notice.h"
#include "cli/process.h"
#include "cli/signals.h"
#include "cli/task_input.h"
#include "log/log.h"
#include "model/task.h"
#include "net/allow_list.h"
#include "net/transport.h"
#include "sandbox/monitor.h"

namespace kiln::cli {
namespace {

constexpr int64_t kMaxCacheTimeMs = int64_t{366} * 24 * 3'600 * 1'000;
// One waits for each slot, up to so many: each is two small processes and its mounts.
constexpr uint32_t kMaxCellsAhead = 32;
constexpr uint32_t kSpareCells = 8;  // those that are on their way out
constexpr const char* kNamelessWorker = "worker";
constexpr const char* kOwnWorker = "serve";  // the name that the key of serve's worker has

// What a service waits for: a signal, a failure, or that it has left. The first signal asks for an
// orderly end, the second for a quick one, the third is obeyed at once.
class Stopper {
 public:
  explicit Stopper(std::function<void()> on_hangup = nullptr)
      : signals_([this](int number) { signaled_again(number); }, std::move(on_hangup)) {
    signals_.expect_orderly();
  }

  std::function<void(Error)> on_fatal() {
    return [this](Error error) {
      const std::lock_guard lock(mutex_);
      if (!fatal_) fatal_ = std::move(error);
      event_.raise();
    };
  }
  std::function<void()> on_left() {
    return [this] { left_.raise(); };
  }

  // Until a signal, a failure, or that it has left unasked.
  void wait_for_stop() const { wait({signals_.wake_fd(), event_.fd(), left_.fd()}, -1); }
  // Until it has left, a failure, or a second signal.
  void wait_for_left(Duration patience) const {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
    wait({left_.fd(), event_.fd(), again_.fd()}, static_cast<int>(ms));
  }
  bool has_left() const { return wait({left_.fd()}, 0); }

  // kExitOk, or the failure told.
  int exit_code() const {
    const std::lock_guard lock(mutex_);
    if (!fatal_) return kExitOk;
    fail(*fatal_);
    return kExitFailure;
  }
  bool failed() const {
    const std::lock_guard lock(mutex_);
    return fatal_.has_value();
  }

 private:
  // Whether one of them became readable in time.
  static bool wait(std::initializer_list<int> fds, int timeout_ms) {
    std::vector<pollfd> polled;
    for (const int fd : fds) polled.push_back({fd, POLLIN, 0});
    int ready = -1;
    do {
      ready = poll(polled.data(), polled.size(), timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
  }

  void signaled_again(int number) {
    if (asked_again_.exchange(true)) _exit(kExitSignalBase + number);
    again_.raise();
  }

  Notice event_;
  Notice left_;
  Notice again_;
  std::atomic<bool> asked_again_ = false;
  Signals signals_;
  mutable std::mutex mutex_;
  std::optional<Error> fatal_;
};

Status start_log(const std::string& process, const std::string& level) {
  return log::start({process, "", log::parse_level(level).value_or(log::Level::info), {}});
}

// The log's thread ends before the process does, whichever way that goes.
struct LogStopper {
  LogStopper() = default;
  LogStopper(const LogStopper&) = delete;
  LogStopper& operator=(const LogStopper&) = delete;
  ~LogStopper() { log::stop(); }
};

std::string host_name() {
  std::array<char, 256> buffer{};
  if (gethostname(buffer.data(), buffer.size() - 1) != 0) return kNamelessWorker;
  const std::string name(buffer.data());
  return model::validate_name("name", name).ok() ? name : kNamelessWorker;
}

std::string describe(const WorkerCommand& options, const actors::WorkerNode& node) {
  std::string text = "worker " + options.name + " with " + std::to_string(options.slots) +
                     (options.slots == 1 ? " slot" : " slots");
  std::string languages;
  for (const model::LanguageVersion& language : node.languages()) {
    languages += (languages.empty() ? "" : ", ") + language.name + " " + language.version;
  }
  return text + " (" + (languages.empty() ? "no language" : languages) + ")";
}

void tell_missing(const actors::WorkerNode& node) {
  for (const actors::MissingLanguage& missing : node.missing_languages()) {
    log::warning("a language is not offered", {{"language", missing.name}, {"why", missing.why}});
  }
}

Result<sandbox::Monitor> start_monitor(const WorkerCommand& options) {
  auto launcher = sandbox::find_launcher();
  if (!launcher) return std::move(launcher).error();
  sandbox::MonitorOptions monitor;
  monitor.launcher_path = std::move(*launcher);
  monitor.images = actors::warm_images(config::default_languages());
  if (options.first_uid != 0) monitor.first_uid = options.first_uid;
  monitor.cells_ahead = std::min(options.slots, kMaxCellsAhead);
  const uint32_t cells = options.slots + monitor.cells_ahead + kSpareCells;
  monitor.uid_count = std::max(monitor.uid_count, 2 * cells);
  return sandbox::fork_monitor(monitor);
}

actors::WorkerNodeOptions node_options(const WorkerCommand& options,
                                       const std::optional<net::ClientKeys>& keys,
                                       UniqueFd control) {
  actors::WorkerNodeOptions node;
  node.broker_endpoint = options.broker.endpoint;
  node.keys = keys;
  node.name = options.name;
  node.slots = options.slots;
  node.queues = options.queues;
  node.tags = options.tags;
  node.languages = config::default_languages();
  node.monitor_control = std::move(control);
  node.noop = options.noop;
  return node;
}

int drain_on_signal(actors::WorkerNode& node, Stopper& stopper) {
  stopper.wait_for_stop();
  if (!stopper.failed() && !stopper.has_left()) {
    log::info("draining: finishing what runs");
    node.drain();
    stopper.wait_for_left(kDrainGrace);
  }
  if (!stopper.has_left()) log::warning("ending although something runs: it will run elsewhere");
  node.stop();
  return stopper.exit_code();
}

// A scrape must not meet a node that is being taken down: the pages end first, whichever way we
// leave. Make it after the node.
class PagesEnd {
 public:
  explicit PagesEnd(http::Server* server) : server_(server) {}
  PagesEnd(const PagesEnd&) = delete;
  PagesEnd& operator=(const PagesEnd&) = delete;
  ~PagesEnd() {
    if (server_ != nullptr) server_->stop();
  }

 private:
  http::Server* server_;
};

int run_worker_node(const WorkerCommand& options, const WorkerSetup& setup, UniqueFd control,
                    const ReadyHandler& ready) {
  Stopper stopper;
  if (Status s = start_log("worker", options.log_level); !s) return fail(s.error());
  const LogStopper log_stopper;
  actors::WorkerNodeOptions wanted = node_options(options, setup.keys, std::move(control));
  wanted.insight = actors::new_worker_insight();
  const auto pages = serve_pages(setup.http, wanted.insight.readiness,
                                 [counted = wanted.insight.counted] { return counted->text(); });
  if (!pages) return fail(pages.error());
  auto node = actors::WorkerNode::start(std::move(wanted), {stopper.on_fatal(), stopper.on_left()});
  if (!node) return fail(node.error());
  tell_missing(**node);
  const std::string where = *pages ? ", HTTP on " + pages_url(*pages) : "";
  if (Status s = ready(describe(options, **node) + where); !s) return fail(s.error());
  return drain_on_signal(**node, stopper);
}

Status check_keys_named(const BrokerCommand& options) {
  if (options.key.empty() == options.allow.empty()) return {};
  return options.key.empty()
             ? field_error("key", "an allow list is given, but no key for the broker",
                           "Give it with --key; 'kiln keygen' makes one")
             : field_error("allow", "a key is given, but nobody who may come in",
                           "Give a file with lines KEY ROLE TENANT NAME with --allow");
}

// None where no key is named.
Result<std::optional<net::ServerKeys>> server_keys(const BrokerCommand& options,
                                                   const BrokerSetup& setup) {
  if (!setup.keys) return std::optional<net::ServerKeys>();
  auto allowed = net::AllowList::load(options.allow);
  if (!allowed) {
    Error error = std::move(allowed).error();
    if (error.hint.empty()) error.hint = "The broker reads it as the user " + setup.user.name;
    return error;
  }
  if (setup.own_worker) {
    (*allowed)->add(*setup.own_worker, net::Role::worker, std::string(net::kDefaultTenant),
                    kOwnWorker);
  }
  return std::optional(net::ServerKeys{*setup.keys, std::move(*allowed)});
}

void tell_insecure(const BrokerCommand& options) {
  for (const std::string& endpoint : {options.clients, options.workers}) {
    if (net::check_endpoint(endpoint)) continue;
    log::warning("no keys are asked for: whoever reaches this address is let in",
                 {{"address", endpoint}});
  }
}

void read_again(net::AllowList& allowed) {
  if (const Status read = allowed.reload(); !read) {
    return log::failure(log::Level::error, "the allow list stays as it was: it cannot be read",
                        read.error());
  }
  log::info("the allow list was read again", {{"keys", allowed.size()}});
}

Status read_cache(const BrokerCommand& options, core::CacheOptions& cache) {
  using Mode = core::CacheOptions::Mode;
  cache.mode = options.cache == "never"    ? Mode::never
               : options.cache == "always" ? Mode::always
                                           : Mode::success;
  const auto ms = parse_seconds("--cache-time", options.cache_time);
  if (!ms) return ms.error();
  cache.ttl = std::chrono::milliseconds(std::min<int64_t>(*ms, kMaxCacheTimeMs));
  return {};
}

}  // namespace

BrokerPlaces read_places(const std::string& line) {
  BrokerPlaces places;
  std::istringstream(line) >> places.clients >> places.workers >> places.http;
  return places;
}

namespace {

// All but the data directory, which it would make.
Result<BrokerSetup> read_broker(BrokerCommand& options) {
  if (Status s = check_keys_named(options); !s) return std::move(s).error();
  const bool open = !options.key.empty() || options.insecure;
  for (const std::string& endpoint : {options.clients, options.workers}) {
    if (Status s = net::check_endpoint(endpoint, open); !s) return std::move(s).error();
  }
  BrokerSetup setup;
  if (Status s = read_cache(options, setup.cache); !s) return std::move(s).error();
  const auto blob_space = parse_megabytes("--blob-space", options.blob_space);
  if (!blob_space) return blob_space.error();
  setup.blob_space = static_cast<uint64_t>(*blob_space);
  if (!options.key.empty()) {
    auto keys = net::read_key_file(options.key);
    if (!keys) return std::move(keys).error();
    setup.keys = *keys;
    options.allow = std::filesystem::absolute(options.allow).string();  // we go to / later
    want_hangup();
  }
  auto http = prepare_http(options.http, options.insecure);
  if (!http) return std::move(http).error();
  setup.http = std::move(*http);
  auto user = service_user();
  if (!user) return std::move(user).error();
  setup.user = std::move(*user);
  if (options.data.empty()) options.data = default_data_directory();
  return setup;
}

}  // namespace

Result<BrokerSetup> prepare_broker(BrokerCommand& options) {
  auto setup = read_broker(options);
  if (!setup) return setup;
  Status s = prepare_data_directory(options.data, setup->user);
  if (!s) return std::move(s).error();
  return setup;
}

Status check_broker(BrokerCommand options) {
  const auto setup = read_broker(options);
  if (!setup) return setup.error();
  const auto keys = server_keys(options, *setup);
  return keys ? Status() : keys.error();
}

Status check_worker(WorkerCommand options) {
  if (Status s = complete(options); !s) return s;
  if (const auto keys = load_keys(options.broker); !keys) return keys.error();
  if (const auto http = prepare_http(options.http, options.insecure); !http) return http.error();
  return {};
}

Status complete(WorkerCommand& options) {
  if (options.name.empty()) options.name = host_name();
  if (options.slots == 0) options.slots = std::max(1U, std::thread::hardware_concurrency());
  if (Status s = model::validate_name("name", options.name); !s) return s;
  for (const std::string& queue : options.queues) {
    if (Status s = model::validate_name("queue", queue); !s) return s;
  }
  for (const std::string& tag : options.tags) {
    if (Status s = model::validate_name("tag", tag); !s) return s;
  }
  return {};
}

int run_broker(const BrokerCommand& options, const BrokerSetup& setup, const ReadyHandler& ready) {
  if (Status s = drop_privileges(setup.user); !s) return fail(s.error());
  signal(SIGPIPE, SIG_IGN);
  const auto keys = server_keys(options, setup);
  if (!keys) return fail(keys.error());
  std::function<void()> on_hangup;
  if (*keys) on_hangup = [allowed = (*keys)->allowed] { read_again(*allowed); };
  Stopper stopper(on_hangup);
  if (Status s = start_log("broker", options.log_level); !s) return fail(s.error());
  const LogStopper log_stopper;
  if (!*keys) tell_insecure(options);
  actors::BrokerOptions broker;
  broker.clients_endpoint = options.clients;
  broker.workers_endpoint = options.workers;
  broker.keys = *keys;
  broker.insecure = options.insecure;
  broker.data_directory = options.data;
  broker.cache = setup.cache;
  broker.blob_space = setup.blob_space;
  broker.alert_command = options.alert_command;
  broker.languages = config::with_noop(config::default_languages());
  broker.insight = actors::new_broker_insight();
  // Before the tasks are loaded, which may take a while: until then it says "not ready".
  std::atomic<const actors::BrokerNode*> loaded = nullptr;
  const auto pages = serve_pages(
      setup.http, broker.insight.readiness, [&loaded, counted = broker.insight.counted] {
        const actors::BrokerNode* node = loaded;
        return node != nullptr ? node->metrics() : counted->text(std::nullopt, real_now().mono);
      });
  if (!pages) return fail(pages.error());
  auto node = actors::BrokerNode::start(std::move(broker), stopper.on_fatal());
  if (!node) return fail(node.error());
  const PagesEnd pages_end(pages->get());
  loaded = node->get();
  const std::string endpoints =
      (*node)->clients_endpoint() + " " + (*node)->workers_endpoint() + " " + pages_url(*pages);
  if (Status s = ready(endpoints); !s) return fail(s.error());
  stopper.wait_for_stop();
  if (*pages) (*pages)->stop();
  (*node)->stop();
  return stopper.exit_code();
}

int run_noop_worker(const WorkerCommand& options, const WorkerSetup& setup,
                    const ReadyHandler& ready) {
  if (Status s = drop_privileges(setup.user); !s) return fail(s.error());
  signal(SIGPIPE, SIG_IGN);
  return run_worker_node(options, setup, {}, ready);
}

int run_worker(const WorkerCommand& options, const WorkerSetup& setup, const ReadyHandler& ready) {
  if (options.noop) return run_noop_worker(options, setup, ready);
  auto monitor = start_monitor(options);
  if (!monitor) return fail(monitor.error());
  if (Status s = drop_privileges(setup.user); !s) return fail(s.error());
  signal(SIGPIPE, SIG_IGN);  // after the monitor's fork: what a cell inherits must not have it
  const int code = run_worker_node(options, setup, std::move(monitor->control), ready);
  wait_for_end(monitor->pid, kMonitorEnd);
  return code;
}

}  // namespace kiln::cli
