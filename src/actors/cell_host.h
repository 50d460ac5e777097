// The worker's cell runner, whose events go first to a caller that waits (languages are found that
// way, before there are actors) and later to the actors.
//
// Threads: any; handlers are called on the runner's thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>

#include "actors/worker_insight.h"
#include "sandbox/cell_runner.h"

namespace kiln::actors {

class CellHost {
 public:
  // Errors: those of CellRunner::start.
  static Result<std::unique_ptr<CellHost>> start(UniqueFd monitor_control, WorkerInsight insight);
  // Makes no cells: what is run has ended well when run() returns, without output. To measure the
  // rest by itself.
  static std::unique_ptr<CellHost> noop(WorkerInsight insight);

  sandbox::CellId next_id() { return ++last_id_; }
  // Runs one program to its end. Not together with set_handlers.
  model::TaskResult run_and_wait(sandbox::CellRequest request);
  // Where events go from now on. Call with no cell running.
  void set_handlers(sandbox::CellHandlers handlers);

  void run(sandbox::CellId id, sandbox::CellRequest request);
  void kill(sandbox::CellId id, sandbox::KillReason reason);
  // All that were started so far: their executor is gone. Their ends are still told.
  void kill_all();
  // Kills all cells without telling how they ended; no handler is called after it began.
  void stop();

 private:
  explicit CellHost(WorkerInsight insight) : insight_(std::move(insight)) {}
  sandbox::CellHandlers forwarding_handlers();
  std::shared_ptr<const sandbox::CellHandlers> handlers() const;
  void run_nothing(sandbox::CellId id) const;

  WorkerInsight insight_;
  mutable std::mutex mutex_;
  std::shared_ptr<const sandbox::CellHandlers> handlers_;
  std::set<sandbox::CellId> live_;
  std::atomic<sandbox::CellId> last_id_ = 0;
  std::unique_ptr<sandbox::CellRunner> runner_;  // last: its thread uses the others; none: noop
};

}  // namespace kiln::actors
