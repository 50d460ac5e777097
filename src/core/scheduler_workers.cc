// Hello and what follows from it; credit, heartbeats, goodbye.
//
// A hello settles what the worker holds. What it holds by our account but does not claim never
// arrived, or is gone. What it claims stays its own if it is the present lease; or if nothing is
// known against it: a lease that an earlier broker gave and whose row was not written before that
// broker died has a higher epoch than the task's row, and the highest epoch wins. All else is
// fenced.
#include <algorithm>

#include "core/scheduler_impl.h"

namespace kiln::core {

using model::LeaseRef;
using model::TaskState;

void Scheduler::Impl::on(WorkerSaid& command) {
  if (const auto* message = std::get_if<model::Hello>(&command.message)) {
    return hello(command.worker, *message);
  }
  Worker* worker = roster_.find(command.worker);
  if (worker == nullptr) return send(command.worker, model::HelloFirst{});
  // Its link broke: what was sent meanwhile may be lost. A hello settles what it holds.
  if (worker->unreachable) return send(command.worker, model::HelloFirst{});
  worker->heard_at = now_.mono;
  roster_.heard(*worker, now_.mono + options_.window);
  std::visit([&](auto& message) { said(*worker, std::move(message)); }, command.message);
}

void Scheduler::Impl::hello(const InstanceId& from, const model::Hello& message) {
  Worker* worker = roster_.admit(from, message);
  if (worker == nullptr) return;  // full: it will try again
  worker->heard_at = now_.mono;
  roster_.heard(*worker, now_.mono + options_.window);
  const auto ms = [](Duration d) {
    return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
  };
  send(from, model::Welcome{options_.boot, ms(options_.heartbeat), ms(options_.window)});
  if (worker->draining) send(from, model::Drain{});  // it may not have heard
  drop_unclaimed(*worker, message);
  for (const auto* claims : {&message.leases, &message.results}) {
    for (const LeaseRef& ref : *claims) {
      if (!claim(*worker, ref)) fence(from, ref);
    }
  }
  freed_.push_back(from);
}

// An assignment that is still under way to it is fenced behind its back.
void Scheduler::Impl::drop_unclaimed(Worker& worker, const model::Hello& message) {
  std::set<LeaseRef> claimed(message.leases.begin(), message.leases.end());
  claimed.insert(message.results.begin(), message.results.end());
  for (const TaskId& id : std::vector<TaskId>(worker.leases.begin(), worker.leases.end())) {
    Lease* lease = leases_.of(id);
    if (claimed.contains(lease->ref)) continue;
    fence(worker.instance, lease->ref);
    if (lease->started) {
      lose(*lease, "the worker no longer has it");
    } else {
      give_back(*lease);
    }
  }
}

bool Scheduler::Impl::claim(Worker& worker, const LeaseRef& ref) {
  Task* task = tasks_.find(ref.id);
  if (task == nullptr) return false;
  if (model::is_terminal(task->state)) return ended_under(ref);
  Lease* lease = leases_.of(ref.id);
  if (lease == nullptr || lease->ref.epoch != ref.epoch) {
    if (!may_adopt(*task, ref.epoch)) return false;
    adopt(worker, *task, ref.epoch);
    return true;
  }
  if (lease->worker.is_nil()) {  // an earlier boot gave it, to the worker of this name
    if (*task->worker != worker.name) return false;
    lease->worker = worker.instance;
    roster_.add_lease(worker, task->id);
  }
  if (lease->worker != worker.instance) return false;
  if (watched_.contains(task->id)) watch_lease(*task, *lease);
  return true;
}

bool Scheduler::Impl::may_adopt(const Task& task, const model::Epoch& epoch) const {
  // What was accepted in this boot no earlier broker can have leased.
  return epoch.boot < leases_.boot() && epoch > task.epoch && task.seq <= loaded_seq_;
}

void Scheduler::Impl::adopt(Worker& worker, Task& task, const model::Epoch& epoch) {
  const bool was_running = task.state == TaskState::running;
  displace(task);
  leave_home(task);
  Lease& lease = leases_.adopt(task, epoch, worker.instance);
  lease.started = true;
  roster_.add_lease(worker, task.id);
  tasks_.set_state(task, TaskState::running);
  tasks_.set_worker(task, worker.name);
  if (!was_running) ++task.attempt;
  task.epoch = epoch;
  ++task.version;
  persist_lazily(task);
  if (watched_.contains(task.id)) watch_lease(task, lease);
}

// Another worker holds the task under a lower epoch: it loses it.
void Scheduler::Impl::displace(Task& task) {
  const Lease* lease = leases_.of(task.id);
  if (lease != nullptr && !lease->worker.is_nil()) fence(lease->worker, lease->ref);
}

void Scheduler::Impl::watch_lease(const Task& task, const Lease& lease) {
  if (lease.worker.is_nil()) return;
  publish(AttemptStarted{lease.worker, lease.ref, task.attempt});
  send(lease.worker, model::WatchLease{lease.ref});
}

void Scheduler::Impl::lose_worker(const InstanceId& instance, const std::string& why, Gone how) {
  Worker* worker = roster_.find(instance);
  if (worker == nullptr) return;
  out_.push_back(WorkerGone{worker->name, how == Gone::lost});
  for (const TaskId& id : std::vector<TaskId>(worker->leases.begin(), worker->leases.end())) {
    lose(*leases_.of(id), why);
  }
  roster_.remove(instance);
}

void Scheduler::Impl::on(WorkerUnreachable& command) {
  Worker* worker = roster_.find(command.worker);
  if (worker == nullptr || worker->unreachable) return;
  roster_.unreachable(*worker, now_.mono + options_.unreachable_grace);
}

// A hello is taken by hello(), before the worker is looked for.
void Scheduler::Impl::said(Worker& worker, const model::Hello& message) {
  hello(worker.instance, message);
}

void Scheduler::Impl::said(Worker& worker, const model::Heartbeat& /*message*/) {
  send(worker.instance, model::HeartbeatOk{});
}

void Scheduler::Impl::said(Worker& worker, const model::Credit& message) {
  roster_.set_credit(worker, message.credit);
  freed_.push_back(worker.instance);
}

// Streams takes it; here it is a sign of life.
void Scheduler::Impl::said(Worker& /*worker*/, const model::Output& /*message*/) {}

// What it was given and never started counts for nothing: the assignment crossed the goodbye.
void Scheduler::Impl::said(Worker& worker, const model::Goodbye& /*message*/) {
  for (const TaskId& id : std::vector<TaskId>(worker.leases.begin(), worker.leases.end())) {
    if (Lease* lease = leases_.of(id); !lease->started) give_back(*lease);
  }
  lose_worker(InstanceId(worker.instance), "the worker left", Gone::left);
}

}  // namespace kiln::core
