#include "cli/embedded.h"

#include <signal.h>
#include <unistd.h>

#include "cli/exit_codes.h"
#include "cli/privileges.h"
#include "cli/process.h"
#include "log/log.h"

namespace kiln::cli {
namespace {

constexpr const char* kWorkerName = "embedded";

Result<sandbox::Monitor> start_monitor() {
  auto launcher = sandbox::find_launcher();
  if (!launcher) return std::move(launcher).error();
  sandbox::MonitorOptions options;
  options.launcher_path = std::move(*launcher);
  return sandbox::fork_monitor(options);
}

}  // namespace

Result<std::unique_ptr<Embedded>> Embedded::start(const config::Language& language,
                                                  uint32_t slots) {
  auto user = service_user();
  if (!user) return std::move(user).error();
  sandbox::Monitor monitor;
  if (language.name != config::kNoop) {
    auto started = start_monitor();
    if (!started) return std::move(started).error();
    monitor = std::move(*started);
  }
  if (Status s = drop_privileges(*user); !s) return std::move(s).error();
  // After the monitor's fork: what a cell inherits must not have it.
  signal(SIGPIPE, SIG_IGN);
  log::set_level(log::Level::error);  // standard error is the program's
  auto directory = TemporaryDirectory::make();
  if (!directory) return std::move(directory).error();

  std::unique_ptr<Embedded> embedded(new Embedded);
  embedded->monitor_pid_ = monitor.pid;
  embedded->directory_.emplace(std::move(*directory));
  embedded->signals_ = std::make_unique<Signals>([self = embedded.get()](int number) {
    self->directory_->remove();
    _exit(kExitSignalBase + number);
  });
  if (Status s = embedded->start_nodes(std::move(monitor.control), language, slots); !s) {
    return std::move(s).error();
  }
  return embedded;
}

Status Embedded::start_nodes(UniqueFd monitor_control, const config::Language& language,
                             uint32_t slots) {
  const auto on_fatal = [this](Error error) { note_fatal(std::move(error)); };
  const config::Languages languages = config::only(language);
  const std::string& path = directory_->path();
  actors::BrokerOptions broker;
  broker.clients_endpoint = "ipc://" + path + "/clients";
  broker.workers_endpoint = "ipc://" + path + "/workers";
  broker.data_directory = path;
  broker.languages = languages;
  auto started = actors::BrokerNode::start(std::move(broker), on_fatal);
  if (!started) return std::move(started).error();
  broker_ = std::move(*started);

  actors::WorkerNodeOptions worker;
  worker.broker_endpoint = broker_->workers_endpoint();
  worker.name = kWorkerName;
  worker.slots = slots;
  worker.languages = languages;
  worker.monitor_control = std::move(monitor_control);
  worker.noop = language.name == config::kNoop;
  auto joined = actors::WorkerNode::start(std::move(worker), {on_fatal, [] {}});
  if (!joined) return std::move(joined).error();
  worker_ = std::move(*joined);
  return check_language(language);
}

Status Embedded::check_language(const config::Language& language) const {
  for (const actors::MissingLanguage& missing : worker_->missing_languages()) {
    if (missing.name != language.name) continue;
    return Error{ErrorCode::unavailable, language.name + " cannot run here", "", missing.why,
                 "Type: " + language.install_hint};
  }
  return {};
}

void Embedded::note_fatal(Error error) {
  const std::lock_guard lock(mutex_);
  if (!fatal_) fatal_ = std::move(error);
  signals_->wake();
}

std::optional<Error> Embedded::fatal() const {
  const std::lock_guard lock(mutex_);
  return fatal_;
}

Embedded::~Embedded() {
  if (worker_) worker_->stop();
  worker_.reset();
  if (broker_) broker_->stop();
  broker_.reset();
  if (monitor_pid_ > 0) wait_for_end(monitor_pid_, kMonitorEnd);
}

}  // namespace kiln::cli
