// What time brings. Silence, waits and claims go by monotonic time; due times and expiry by wall
// time, which may jump either way.
#include <algorithm>

#include "core/scheduler_impl.h"

namespace kiln::core {

using model::TaskState;

Effects Scheduler::Impl::tick(Now now) {
  now_ = now;
  last_tick_ = now.mono;
  for (const InstanceId& instance : roster_.silent(now.mono)) {
    lose_worker(instance, "the worker was not heard from", Gone::lost);
  }
  if (claims_until_ && *claims_until_ <= now.mono) {
    claims_until_.reset();
    for (Lease* lease : leases_.unclaimed()) lose(*lease, "no worker claimed it after a restart");
  }
  for (const Worker* worker : roster_.resume(now.mono)) freed_.push_back(worker->instance);
  recall_unstarted();
  for (Task* task : delays_.take_expired(now.wall)) {
    if (is_expired(*task)) expire(*task);
  }
  for (const Waiters::Late& late : waiters_.take_late(now.mono)) {
    const Task* task = live(late.id);
    if (task != nullptr) reply(late.waiter.client, status_view(*task, late.waiter.history));
  }
  for (const Pings::Ended& ended : pings_.take_late(now.mono)) end_ping(ended);
  dispatch();
  return take_effects();
}

// A worker that never got the assignment gives it back too, so that none is lost under way.
void Scheduler::Impl::recall_unstarted() {
  for (const Lease* lease : leases_.take_unstarted(now_.mono)) {
    send(lease->worker, model::Recall{lease->ref});
    leases_.check_later(*lease, now_.mono + options_.window);
  }
}

std::optional<MonoTime> Scheduler::Impl::next_deadline() const {
  std::optional<MonoTime> next = roster_.next_deadline();
  const auto sooner = [&next](std::optional<MonoTime> at) {
    if (at) next = std::min(next.value_or(*at), *at);
  };
  sooner(claims_until_);
  sooner(leases_.next_check());
  sooner(waiters_.next_deadline());
  sooner(pings_.next_deadline());
  if (delays_.any_expiry()) sooner(last_tick_ + options_.tick);
  return next;
}

// Taken once, for one version. If the wall clock went back, the task waits for its time again.
void Scheduler::Impl::on(Due& command) {
  Task* task = live(command.id);
  if (task == nullptr || task->version != command.version) return;
  if (task->state != TaskState::scheduled && task->state != TaskState::retrying) return;
  if (task->due_at > now_.wall) {
    out_.push_back(Schedule{task->id, task->version, task->due_at});
    return;
  }
  leave_home(*task);
  ++task->version;
  make_ready(*task);
  persist_lazily(*task);
}

}  // namespace kiln::core
