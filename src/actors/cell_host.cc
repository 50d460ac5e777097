#include "actors/cell_host.h"

#include <future>

#include "log/log.h"

namespace kiln::actors {

using sandbox::CellHandlers;
using sandbox::CellId;

Result<std::unique_ptr<CellHost>> CellHost::start(UniqueFd monitor_control, WorkerInsight insight) {
  std::unique_ptr<CellHost> host(new CellHost(std::move(insight)));
  sandbox::RunnerOptions options;
  options.monitor_socket = std::move(monitor_control);
  auto runner = sandbox::CellRunner::start(std::move(options), host->forwarding_handlers());
  if (!runner) return std::move(runner).error();
  host->runner_ = std::move(runner).value();
  return host;
}

std::unique_ptr<CellHost> CellHost::noop(WorkerInsight insight) {
  insight.readiness->works(kLauncherPart);  // there is none to wait for
  return std::unique_ptr<CellHost>(new CellHost(std::move(insight)));
}

CellHandlers CellHost::forwarding_handlers() {
  CellHandlers forwarding;
  forwarding.on_started = [this](CellId id) {
    if (const auto to = handlers()) to->on_started(id);
  };
  forwarding.on_output = [this](CellId id, sandbox::Stream stream, uint64_t offset,
                                std::string_view bytes) {
    if (const auto to = handlers()) to->on_output(id, stream, offset, bytes);
  };
  forwarding.on_finished = [this](CellId id, model::TaskResult result) {
    {
      const std::lock_guard lock(mutex_);
      live_.erase(id);
    }
    if (const auto to = handlers()) to->on_finished(id, std::move(result));
  };
  forwarding.on_launcher = [readiness = insight_.readiness](bool ready) {
    ready ? readiness->works(kLauncherPart) : readiness->fails(kLauncherPart, "it is down");
  };
  forwarding.on_pool = [counted = insight_.counted](uint32_t ready,
                                                    std::span<const int64_t> build_us) {
    counted->cells_ready(ready);
    for (const int64_t us : build_us) counted->cell_built(std::chrono::microseconds(us));
  };
  forwarding.on_start_kind = [counted = insight_.counted](model::WarmStart start) {
    counted->program_started(start);
  };
  forwarding.on_image = [](uint32_t image, bool ready, uint32_t missing) {
    const std::string number = std::to_string(image);
    if (!ready && missing > 0) {
      log::info("no warm interpreter is kept: none of its own modules is installed",
                {{"image", number}});
    } else if (!ready) {
      log::warning("a warm interpreter failed: its programs start cold until another is ready",
                   {{"image", number}});
    } else if (missing > 0) {
      log::info("a warm interpreter is ready, without some modules that are not installed",
                {{"image", number}, {"missing", std::to_string(missing)}});
    } else {
      log::info("a warm interpreter is ready", {{"image", number}});
    }
  };
  return forwarding;
}

std::shared_ptr<const CellHandlers> CellHost::handlers() const {
  const std::lock_guard lock(mutex_);
  return handlers_;
}

void CellHost::set_handlers(CellHandlers handlers) {
  const std::lock_guard lock(mutex_);
  handlers_ = std::make_shared<const CellHandlers>(std::move(handlers));
}

model::TaskResult CellHost::run_and_wait(sandbox::CellRequest request) {
  auto finished = std::make_shared<std::promise<model::TaskResult>>();
  set_handlers(
      {[](CellId) {}, [](CellId, sandbox::Stream, uint64_t, std::string_view) {},
       [finished](CellId, model::TaskResult result) { finished->set_value(std::move(result)); }});
  run(next_id(), std::move(request));
  return finished->get_future().get();
}

void CellHost::run(CellId id, sandbox::CellRequest request) {
  if (!runner_) return run_nothing(id);
  {
    const std::lock_guard lock(mutex_);
    live_.insert(id);
  }
  runner_->run(id, std::move(request));
}
void CellHost::run_nothing(CellId id) const {
  const auto to = handlers();
  if (!to) return;
  to->on_started(id);
  model::TaskResult result;
  result.verdict = model::Verdict::ok;
  result.exit_code = 0;
  to->on_finished(id, std::move(result));
}

void CellHost::kill(CellId id, sandbox::KillReason reason) {
  if (runner_) runner_->kill(id, reason);
}
void CellHost::kill_all() {
  std::set<CellId> live;
  {
    const std::lock_guard lock(mutex_);
    live = live_;
  }
  for (const CellId id : live) kill(id, sandbox::KillReason::shutdown);
}
// Handlers first: nobody cancelled what is killed here, so its end is not told. The broker gives
// the tasks to another worker.
void CellHost::stop() {
  {
    const std::lock_guard lock(mutex_);
    handlers_ = nullptr;
  }
  if (runner_) runner_->stop();
}

}  // namespace kiln::actors
