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

void Scheduler::Impl::end(Task& task, TaskState state, Verdict verdict, model::Bytes result,
                          std::string note) {
  leave_home(task);
  tasks_.set_state(task, state);
  task.verdict = verdict;
  task.finished_at = now_.wall;
  ++task.version;
  const model::TaskRow row = to_row(task);
  model::Writes writes{model::UpdateTask{row}};
  if (result != nullptr) writes.push_back(model::PutResult{task.id, std::move(result)});
  writes.push_back(event(task, std::move(note)));
  persist(std::move(writes));
  endings_.push_back(Ending{persists_, task.id});
  if (state == TaskState::dead) dead_.add(*task.queue);
  watched_.erase(task.id);
  count(Counter::finished, &task, model::to_string(state), model::to_string(verdict));
  publish(TaskEnded{row});
  for (const ClientRef& client : waiters_.take(task.id)) {
    reply(client, FromStore{FromStore::What::result, task.id, {}});
  }
}

bool Scheduler::Impl::is_expired(const Task& task) const {
  return task.attempt == 0 && task.expires_at != kNoTime && task.expires_at <= now_.wall;
}

void Scheduler::Impl::expire(Task& task) {
  end(task, TaskState::expired, Verdict::none, nullptr, "not started before it expired");
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
    } else if (Worker* worker = roster_.best_for(*task->queue, *task->language);
               worker != nullptr) {
      grant(*task, *worker);
    }
  }
}

void Scheduler::Impl::serve(Worker& worker) {
  while (worker.room() > 0) {
    Task* task = ready_.best(worker.language_names, worker.queues);
    if (task == nullptr) return;
    if (is_expired(*task)) {
      expire(*task);
    } else {
      grant(*task, worker);
    }
  }
}

}  // namespace kiln::core
