// The simulated broker process: the real core and outbox over the simulated store. Commits take
// time and may fail; a crash forgets all but the store. Checks what it sends against the store and
// against the times at which it last heard of each worker.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/outbox.h"
#include "core/scheduler.h"
#include "tests/core/sim_loop.h"
#include "tests/core/sim_store.h"

namespace kiln::core::sim {

class SimBroker {
 public:
  struct Wires {
    std::function<void(const Send&)> to_worker;
    // With what is stored of the task, where the answer is read from the store.
    std::function<void(const Reply&, const Stored*)> to_client;
  };
  SimBroker(SimLoop& loop, SimStore& store, Verdicts& verdicts, Wires wires)
      : loop_(loop), store_(store), verdicts_(verdicts), wires_(std::move(wires)) {}

  void start();
  void crash();
  bool up() const { return core_ != nullptr; }
  void take(Command command);
  void heard(const InstanceId& worker, const std::string& name, model::FromWorker message);
  void unreachable(const InstanceId& worker);
  void fail_next_commit() { fail_next_ = true; }

  const Scheduler& core() const { return *core_; }
  bool idle() const { return outbox_.idle(); }
  std::vector<WorkerView> workers();
  // No acknowledged task is lost: all that is live in the store is live in the core.
  void check_against_store();

  uint64_t stale_results = 0;
  uint64_t lost_leases = 0;
  uint64_t commits_failed = 0;
  uint64_t joins = 0;
  uint64_t cache_hits = 0;

 private:
  void run(Effects effects);
  void carry_out(const Effects& effects);
  void carry_out(const Effect& effect);
  void reply(const Reply& reply);
  void check_send(const Send& send);
  void check_loss(const Persist& persist);
  void pump();
  void commit_done(model::Writes writes);
  void tick();
  void say_due();

  struct Heard {
    MonoTime last{};
    std::optional<MonoTime> unreachable;
  };

  SimLoop& loop_;
  SimStore& store_;
  Verdicts& verdicts_;
  Wires wires_;
  SchedulerOptions options_;
  std::unique_ptr<Scheduler> core_;
  Outbox outbox_;
  uint64_t life_ = 0;  // actions of an earlier life do nothing
  bool fail_next_ = false;
  std::multimap<WallTime, Due> due_;
  std::unordered_map<std::string, Heard> heard_;  // by the worker's name, one per instance
  std::unordered_map<InstanceId, std::string> names_;
};

}  // namespace kiln::core::sim
