// Who may run what. A lease is (task, epoch, worker instance); a task has at most one. The epoch is
// the fencing token: the boot number of this broker, then a counter, so every later lease has a
// higher one. A message that names another epoch than the present one is stale.
//
// How long a lease lasts is the worker's matter: its leases are lost together when it falls silent
// (roster.h). Leases loaded after a restart have no worker until one claims them.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/task_table.h"
#include "model/worker_messages.h"

namespace kiln::core {

struct Lease {
  model::LeaseRef ref;
  Task* task = nullptr;
  InstanceId worker;  // nil: nobody has claimed it yet
  bool started = false;
  bool recalled = false;  // asked for, since another worker could start it now
};

class Leases {
 public:
  explicit Leases(uint64_t boot) : boot_(boot) {}

  // A new lease under the next epoch. Precondition: the task has none.
  Lease& grant(Task& task, const InstanceId& worker);
  // A lease that was granted earlier, by this store's previous broker. Precondition: none.
  Lease& adopt(Task& task, model::Epoch epoch, const InstanceId& worker);
  // The lease, if it is present and this worker's; null: stale, forged or over.
  Lease* current(const model::LeaseRef& ref, const InstanceId& worker);
  Lease* of(const TaskId& id);
  void release(const TaskId& id) { leases_.erase(id); }
  // Those that no worker has claimed, in no order.
  std::vector<Lease*> unclaimed();

  // A granted lease is looked at again at `at`: if it has not started by then, its assignment may
  // have been lost. Calls come with rising times.
  void check_later(const Lease& lease, MonoTime at) { checks_.emplace_back(at, lease.ref); }
  // Those whose time has come and that are present, not started and some worker's.
  std::vector<Lease*> take_unstarted(MonoTime now);
  std::optional<MonoTime> next_check() const;
  size_t size() const { return leases_.size(); }
  uint64_t boot() const { return boot_; }

 private:
  std::unordered_map<TaskId, Lease> leases_;
  std::deque<std::pair<MonoTime, model::LeaseRef>> checks_;
  uint64_t boot_;
  uint64_t counter_ = 0;
};

}  // namespace kiln::core
