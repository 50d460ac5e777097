#include "core/leases.h"

namespace kiln::core {

Lease& Leases::grant(Task& task, const InstanceId& worker) {
  return adopt(task, model::Epoch{boot_, ++counter_}, worker);
}

Lease& Leases::adopt(Task& task, model::Epoch epoch, const InstanceId& worker) {
  Lease& lease = leases_[task.id];
  lease = Lease{model::LeaseRef{task.id, epoch}, &task, worker};
  return lease;
}

Lease* Leases::current(const model::LeaseRef& ref, const InstanceId& worker) {
  Lease* lease = of(ref.id);
  if (lease == nullptr || lease->worker != worker) return nullptr;
#ifndef KILN_MUTANT_NO_EPOCH_CHECK  // a mutation that the simulator must catch (tests/core)
  if (lease->ref.epoch != ref.epoch) return nullptr;
#endif
  return lease;
}

Lease* Leases::of(const TaskId& id) {
  const auto it = leases_.find(id);
  return it == leases_.end() ? nullptr : &it->second;
}

std::vector<Lease*> Leases::unclaimed() {
  std::vector<Lease*> found;
  for (auto& [id, lease] : leases_) {
    if (lease.worker.is_nil()) found.push_back(&lease);
  }
  return found;
}

std::vector<Lease*> Leases::take_unstarted(MonoTime now) {
  std::vector<Lease*> found;
  while (!checks_.empty() && checks_.front().first <= now) {
    const model::LeaseRef ref = checks_.front().second;
    checks_.pop_front();
    Lease* lease = of(ref.id);
    if (lease == nullptr || lease->ref.epoch != ref.epoch) continue;
    if (!lease->started && !lease->worker.is_nil()) found.push_back(lease);
  }
  return found;
}

std::optional<MonoTime> Leases::next_check() const {
  if (checks_.empty()) return std::nullopt;
  return checks_.front().first;
}

}  // namespace kiln::core
