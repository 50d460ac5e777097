// The life of a lease: granted, started, then finished, lost or given back. A lease row is written
// lazily: if the broker dies first, the worker's claim brings it back (scheduler_workers.cc).
#include <algorithm>
#include <utility>

#include "core/scheduler_impl.h"

namespace kiln::core {

using model::LeaseRef;
using model::RetryReason;
using model::TaskState;

// Precondition: queued, and the worker has room.
void Scheduler::Impl::grant(Task& task, Worker& worker) {
  leave_home(task);
  const Lease& lease = leases_.grant(task, worker.instance);
  roster_.add_lease(worker, task.id);
  tasks_.set_state(task, TaskState::running);
  tasks_.set_worker(task, worker.name);
  task.epoch = lease.ref.epoch;
  ++task.attempt;
  ++task.version;
  leases_.check_later(lease, now_.mono + options_.window);
  persist_lazily(task);
  assign(task, lease);
}

void Scheduler::Impl::assign(const Task& task, const Lease& lease) {
  const bool watched = watched_.contains(task.id);
  if (watched) publish(AttemptStarted{lease.worker, lease.ref, task.attempt});
  Send send{lease.worker, model::Assign{lease.ref, task.attempt, *task.queue, *task.language,
                                        watched, nullptr, task.body_hash}};
  // Its output must not come before AttemptStarted.
  if (!watched) send.rests_on = task.rests_on;
  out_.push_back(std::move(send));
}

void Scheduler::Impl::release(Lease& lease) {
  if (Worker* worker = roster_.find(lease.worker); worker != nullptr) {
    roster_.remove_lease(*worker, lease.ref.id);
    freed_.push_back(worker->instance);
  }
  leases_.release(TaskId(lease.ref.id));
}

void Scheduler::Impl::said(Worker& worker, const model::Started& message) {
  Lease* lease = leases_.current(message.lease, worker.instance);
  if (lease == nullptr) return fence(worker.instance, message.lease);
  if (lease->started) return;  // told again after a hello
  lease->started = true;
  Task& task = *lease->task;
  note_wait(task);
  task.started_at = now_.wall;
  ++task.version;
  persist_lazily(task);
}

// Not again when a lost attempt is followed by another: that one waited for nothing new.
void Scheduler::Impl::note_wait(const Task& task) {
  const WallTime since = task.due_at == kNoTime ? task.submitted_at : task.due_at;
  if (task.started_at != kNoTime && task.started_at >= since) return;
  out_.push_back(Waited{*task.queue, std::max(now_.wall - since, Duration(0))});
}

void Scheduler::Impl::said(Worker& worker, model::Finished message) {
  if (Lease* lease = leases_.current(message.lease, worker.instance); lease != nullptr) {
    return finish(worker, *lease, message);
  }
  if (ended_under(message.lease)) {
    return send(worker.instance, model::FinishedOk{message.lease});
  }
  const Task* task = tasks_.find(message.lease.id);
  out_.push_back(Count{Counter::stale_results, task == nullptr ? std::string() : *task->queue,
                       TaskId(message.lease.id)});
  fence(worker.instance, message.lease);
}

Retries Scheduler::Impl::retries_of(const Task& task) {
  return Retries{task.retries_used,
                 task.max_retries,
                 task.retry_on,
                 task.wait,
                 std::chrono::milliseconds(task.retry_delay_ms),
                 task.full_jitter ? Jitter::full : Jitter::tenth};
}

void Scheduler::Impl::finish(Worker& worker, Lease& lease, model::Finished& message) {
  Task& task = *lease.task;
  const NextStep next = after_verdict(message.verdict, retries_of(task), random_);
  AttemptEnded ended{task.id,      task.code_hash,  task.attempt,
                     *task.worker, message.verdict, message.cost};
  if (next.state == TaskState::retrying) {
    release(lease);
    try_later(task, next, message);
  } else {
    const std::string note = next.state == TaskState::dead ? "retries used up" : "";
    end(task,
        {next.state, message.verdict, std::move(message.result), note, std::move(message.blobs)});
  }
  out_.push_back(std::move(ended));  // behind the commit
  send(worker.instance, model::FinishedOk{message.lease});
}

void Scheduler::Impl::try_later(Task& task, const NextStep& next, model::Finished& message) {
  joins_.stop_leading(task);
  tasks_.set_state(task, TaskState::retrying);
  task.verdict = message.verdict;
  task.due_at = now_.wall + next.delay;
  ++task.retries_used;
  ++task.version;
  // Kept with the task, until a later attempt's replaces it.
  const bool has_result = message.result != nullptr;
  if (has_result) rare(task).result_bytes = message.result->size();
  const std::string_view reason = model::to_string(*next.reason);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(next.delay).count();
  model::Writes writes = {model::UpdateTask{to_row(task)}};
  if (has_result) writes.push_back(model::PutResult{task.id, message.result, message.blobs});
  writes.push_back(
      event(task, "retry: " + std::string(reason) + ", in " + std::to_string(ms) + " ms"));
  const std::vector<Task*> ended = end_waiting_joiners(task, message, writes);
  persist(std::move(writes));
  count_retry(task, *next.reason);
  delay(task);
  for (const Task* joiner : ended) tell_end(*joiner);
}

// The worker is gone or no longer has it: run again at once, unless that happened too often.
void Scheduler::Impl::lose(Lease& lease, const std::string& why) {
  Task& task = *lease.task;
  release(lease);
  count(Counter::leases_expired, &task);
  ++task.losses;
  if (task.losses >= options_.max_losses) {
    return end(task,
               {TaskState::dead, model::Verdict::none, nullptr,
                "poison: " + std::to_string(task.losses) + " workers were lost; the last: " + why});
  }
  ++task.version;
  make_ready(task);
  persist({model::UpdateTask{to_row(task)}, event(task, "lease lost: " + why)});
  count_retry(task, RetryReason::worker_lost);
}

// A worker sees and stores blobs of the tasks it holds, and of no others.
template <class Message>
void Scheduler::Impl::ask_blobs(const Worker& worker, Message message) {
  const Lease* lease = leases_.current(message.lease, worker.instance);
  if (lease == nullptr) return fence(worker.instance, message.lease);
  out_.push_back(WorkerBlob{worker.instance, *lease->task->tenant, std::move(message)});
}

void Scheduler::Impl::said(Worker& worker, model::FetchBlob message) { ask_blobs(worker, message); }

void Scheduler::Impl::said(Worker& worker, model::StoreBlob message) {
  ask_blobs(worker, std::move(message));
}

// Unstarted: the attempt does not count.
void Scheduler::Impl::give_back(Lease& lease) {
  Task& task = *lease.task;
  release(lease);
  if (task.attempt > 0) --task.attempt;
  ++task.version;
  make_ready(task);
  persist_lazily(task);
}

void Scheduler::Impl::said(Worker& worker, const model::Refused& message) {
  Lease* lease = leases_.current(message.lease, worker.instance);
  if (lease == nullptr) return;
  count(Counter::refused_leases, lease->task);
  roster_.pause(worker, now_.mono + options_.heartbeat);
  give_back(*lease);
}

void Scheduler::Impl::said(Worker& worker, const model::Returned& message) {
  Lease* lease = leases_.current(message.lease, worker.instance);
  if (lease == nullptr) return;
  // For a moment others come first, or it would be given the same task again at once.
  roster_.pause(worker, now_.mono + options_.returned_pause);
  give_back(*lease);
}

// A worker has a free slot and nothing waits: others give back what they hold beyond their slots
// and have not started, if it can run that.
void Scheduler::Impl::level(const Worker& idle) {
  if (idle.room() == 0 || idle.leases.size() >= idle.slots) return;
  size_t free = idle.slots - idle.leases.size();
  for (const InstanceId& instance : roster_.overfull()) {
    const Worker& worker = *roster_.find(instance);
    size_t extra = worker.leases.size() - worker.slots;
    for (auto id = worker.leases.rbegin(); id != worker.leases.rend() && extra > 0; ++id) {
      Lease& lease = *leases_.of(*id);
      if (lease.started || !idle.serves(*lease.task->queue, *lease.task->language)) continue;
      --extra;
      if (!std::exchange(lease.recalled, true)) send(instance, model::Recall{lease.ref});
      if (--free == 0) return;
    }
  }
}

// It ended with this lease's result, and that is on its way to the disk.
bool Scheduler::Impl::ended_under(const LeaseRef& ref) const {
  const Task* task = tasks_.find(ref.id);
  if (task == nullptr || task->epoch != ref.epoch) return false;
  const bool by_result = task->state == TaskState::succeeded || task->state == TaskState::failed ||
                         task->state == TaskState::dead;
  return by_result && task->verdict != model::Verdict::none;
}

void Scheduler::Impl::fence(const InstanceId& worker, const LeaseRef& ref) {
  send(worker, model::Fenced{ref});
}

}  // namespace kiln::core
