// The scheduler's rules once more, as plainly as possible: lists that are searched from end to end.
// It does not choose: it judges whether what the scheduler did was one of the right things.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/scheduler.h"

namespace kiln::core {

class SchedulerModel {
 public:
  struct Worker {
    model::Hello hello;
    uint32_t credit = 0;
    MonoTime lost_at{};
    MonoTime paused_until{};
    bool unreachable = false;
  };
  struct Task {
    model::TaskRow row;  // as it was submitted; state and counts as they are
    std::optional<model::LeaseRef> lease;
    std::optional<InstanceId> worker;  // of the lease; none: not claimed since the restart
    bool started = false;
  };

  explicit SchedulerModel(const SchedulerOptions& options) : options_(options) {}

  // --- the same commands
  void submit(const model::TaskRow& row, Now now);
  void cancel(const TaskId& id);
  void due(const TaskId& id);
  void hello(const model::Hello& hello, Now now);
  void goodbye(const InstanceId& worker);
  void unreachable(const InstanceId& worker, Now now);
  void credit(const InstanceId& worker, uint32_t credit, Now now);
  void heartbeat(const InstanceId& worker, Now now);
  void started(const InstanceId& worker, const model::LeaseRef& ref, Now now);
  void returned(const InstanceId& worker, const model::LeaseRef& ref, Now now);
  void refused(const InstanceId& worker, const model::LeaseRef& ref, Now now);
  void finished(const InstanceId& worker, const model::LeaseRef& ref, model::Verdict verdict,
                Now now);
  void tick(Now now);
  void restart(Now now);
  void forget_ended();

  // --- what the scheduler did by itself
  void assigned(const InstanceId& worker, const model::Assign& assign, Now now);
  void expired(const TaskId& id, Now now);
  // After a command: nothing that could run waits, and the scheduler agrees about the task.
  void check_no_idle_slot(Now now);
  void check(const TaskId& id, const Scheduler& scheduler);

  const std::map<TaskId, Task>& tasks() const { return tasks_; }
  const std::map<InstanceId, Worker>& workers() const { return workers_; }
  // The leases that a worker has by this account.
  std::vector<model::LeaseRef> leases_of(const InstanceId& worker) const;
  const std::vector<std::string>& wrongs() const { return wrongs_; }

 private:
  Task* leased(const InstanceId& worker, const model::LeaseRef& ref);
  bool heard(const InstanceId& worker, Now now);
  bool has_room(const InstanceId& id, const Worker& worker, Now now) const;
  bool serves(const Worker& worker, const Task& task) const;
  void lose(Task& task);
  void give_back(Task& task);
  void lose_worker(const InstanceId& worker);
  void wrong(const TaskId& id, const std::string& what);

  SchedulerOptions options_;
  std::map<TaskId, Task> tasks_;
  std::map<InstanceId, Worker> workers_;
  std::optional<MonoTime> claims_until_;
  std::vector<std::string> wrongs_;
};

}  // namespace kiln::core
