// Moves between homes, ends, and the meeting of ready tasks and free workers.
#include <algorithm>

#include "core/scheduler_impl.h"

namespace kiln::core {

using model::TaskState;
using model::Verdict;

// Precondition: in no home. The row is persisted by the caller.
void Scheduler::Impl::make_ready(Task& task) {
  tasks_.set_state(task, TaskState::queued);
  ready_.push(task);
  if (task.cache) joins_.lead(task);
  if (task.attempt == 0) delays_.arm_expiry(task);
  fresh_.push_back(task.id);
}

void Scheduler::Impl::leave_home(Task& task) {
  delays_.disarm_expiry(task);
  switch (task.state) {
    case TaskState::queued:
      ready_.remove(task);
      break;
    case TaskState::scheduled:
    case TaskState::retrying:
      delays_.remove(task);
      break;
    case TaskState::joined:
      joins_.leave(task);
      break;
    case TaskState::running:
      if (Lease* lease = leases_.of(task.id); lease != nullptr) release(*lease);
      break;
    default:
      break;
  }
}

// Precondition: in no home, scheduled or retrying, due_at set.
void Scheduler::Impl::delay(Task& task) {
  delays_.add(task);
  out_.push_back(Schedule{task.id, task.version, task.due_at});
}

// Its joiners' ends, if they share it, are in the same commit.
void Scheduler::Impl::end(Task& task, End how) {
  model::Writes writes;
  write_end(task, std::move(how), writes);
  const std::vector<Task*> joiners = settle_joiners(task, writes);
  persist(std::move(writes));
  tell_end(task);
  for (Task* joiner : joiners) tell_end(*joiner);
}

void Scheduler::Impl::write_end(Task& task, End how, model::Writes& writes) {
  leave_home(task);
  joins_.stop_leading(task);
  tasks_.set_state(task, how.state);
  task.verdict = how.verdict;
  task.finished_at = now_.wall;
  ++task.version;
  if (how.result != nullptr) rare(task).result_bytes = how.result->size();
  writes.push_back(model::UpdateTask{to_row(task)});
  if (how.result != nullptr) {
    writes.push_back(model::PutResult{task.id, std::move(how.result), std::move(how.blobs)});
  }
  writes.push_back(event(task, std::move(how.note)));
}

// After the persist of its end.
void Scheduler::Impl::tell_end(const Task& task) {
  endings_.push_back(Ending{persists_, task.id});
  if (task.state == TaskState::dead) dead_.add(*task.queue);
  watched_.erase(task.id);
  count_end(task);
  publish(TaskEnded{to_row(task)});
  for (const Waiters::Waiter& waiter : waiters_.take(task.id)) {
    reply(waiter.client, FromStore{FromStore::What::result, task.id, {}, waiter.history});
  }
}

// A joined task starts when its leader does. One that has ended, with its leader perhaps a moment
// ago, does not expire.
bool Scheduler::Impl::is_expired(const Task& task) const {
  if (model::is_terminal(task.state)) return false;
  if (task.attempt != 0 || task.expires_at == kNoTime || task.expires_at > now_.wall) return false;
  if (task.state != TaskState::joined) return true;
  const Task* leader = tasks_.find(*task.rare->leader);
  return leader == nullptr || leader->attempt == 0;
}

void Scheduler::Impl::expire(Task& task) {
  end(task, {TaskState::expired, Verdict::none, nullptr, kExpiredNote});
}

// First the workers that got room take the best of what waits, then what became ready goes to
// whoever has room: so a free slot never goes past an older or more urgent task.
void Scheduler::Impl::dispatch() {
  for (const InstanceId& instance : std::exchange(freed_, {})) {
    if (Worker* worker = roster_.find(instance); worker != nullptr) serve(*worker);
  }
  std::vector<Task*> fresh;
  for (const TaskId& id : std::exchange(fresh_, {})) {
    Task* task = tasks_.find(id);
    if (task != nullptr && task->state == TaskState::queued) fresh.push_back(task);
  }
  std::ranges::sort(fresh, [](const Task* a, const Task* b) {
    return std::pair(-int{a->priority}, a->seq) < std::pair(-int{b->priority}, b->seq);
  });
  for (Task* task : fresh) {
    if (task->state != TaskState::queued) continue;  // twice in the list
    if (is_expired(*task)) {
      expire(*task);
      continue;
    }
    if (ready_.paused(*task->queue)) continue;
    Worker* worker = roster_.best_for(*task->queue, *task->language);
    if (worker != nullptr) grant(*task, *worker);
  }
}

void Scheduler::Impl::serve(Worker& worker) {
  while (worker.room() > 0) {
    Task* task = ready_.best(worker.language_names, worker.queues);
    if (task == nullptr) return level(worker);
    if (is_expired(*task)) {
      expire(*task);
    } else {
      grant(*task, worker);
    }
  }
}

}  // namespace kiln::core
