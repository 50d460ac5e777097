// What people do to tasks, queues and workers: retry, requeue, purge, pause, settings, drain, ping.
//
// Dead letters are in the store alone. Who reads them may be a moment behind, so those that were
// requeued or purged of late are remembered here (taken_), and are left out when they are handed in
// once more.
#include <algorithm>
#include <tuple>

#include "core/scheduler_impl.h"

namespace kiln::core {

using model::TaskState;

namespace {

constexpr size_t kMaxQueueSettings = 10'000;

Error impossible(std::string message, std::string hint) {
  return Error{ErrorCode::conflict, std::move(message), "id", "", std::move(hint)};
}

Error requeued_already(const TaskId& id, const std::optional<TaskId>& as) {
  if (!as) return no_such_task(id);  // purged
  return impossible(
      "the task " + to_string(id) + " was submitted anew already, as " + to_string(*as),
      "Ask about that task");
}

template <class T>
void take_over(std::optional<T>& setting, const std::optional<T>& wanted) {
  if (wanted) setting = wanted;
}

}  // namespace

// --- tasks

void Scheduler::Impl::on(RetryTask& command) {
  Task* task = live_of(command.client, command.id, FromStore::What::retry);
  if (task == nullptr) return;
  if (task->state != TaskState::retrying) {
    return reply(
        command.client,
        impossible("the task " + to_string(task->id) + " is " +
                       std::string(model::to_string(task->state)) + ": there is nothing to retry",
                   "Retry a task that waits out its backoff, or one that has ended"));
  }
  leave_home(*task);
  task->due_at = now_.wall;
  ++task->version;
  make_ready(*task);
  persist({model::UpdateTask{to_row(*task)}, event(*task, "due now: a client asked for it")});
  reply(command.client, Done{task->id, task->state});
}

std::optional<Error> Scheduler::Impl::why_not_again(const Resubmit::Item& item) const {
  const model::TaskRow& old = item.old;
  if (!model::is_terminal(old.state) || old.state == TaskState::succeeded) {
    return impossible("the task " + to_string(old.id) + " is " +
                          std::string(model::to_string(old.state)) + ": there is nothing to retry",
                      "Retry a task that failed, is dead, was cancelled or expired");
  }
  if (old.requeued_as) return requeued_already(old.id, old.requeued_as);
  if (const auto* taken = taken_.find(old.id); taken != nullptr) {
    return requeued_already(old.id, taken->as);
  }
  return clash(item.anew, {});
}

void Scheduler::Impl::on(Resubmit& command) {
  if (const auto error = too_many(command.items.size())) return reply(command.client, *error);
  Accepted accepted;
  for (Resubmit::Item& item : command.items) {
    if (!may_see(command.client, item.old.tenant)) continue;
    if (const auto error = why_not_again(item)) {
      if (command.one) return reply(command.client, *error);
      continue;
    }
    item.anew.row.origin = item.old.id;
    model::Writes writes;
    Task& task = admit(item.anew, Share::no, writes);
    writes.push_back(event(task, "submitted anew from " + to_string(item.old.id)));
    persist(std::move(writes));
    if (item.old.state == TaskState::dead) take_letter(item.old, task.id);
    accepted.tasks.push_back(Accepted::Item{task.id, task.state, item.old.id});
    enter(task);
  }
  if (command.one && accepted.tasks.empty()) {
    const TaskId id = command.items.empty() ? TaskId{} : command.items.front().old.id;
    return reply(command.client, no_such_task(id));
  }
  reply(command.client, std::move(accepted));
}

// The dead letter is one no more: marked as requeued, or deleted.
void Scheduler::Impl::take_letter(const model::TaskRow& row, std::optional<TaskId> as) {
  if (as) {
    model::TaskRow marked = row;
    marked.requeued_as = as;
    ++marked.version;
    persist({model::UpdateTask{std::move(marked)}});
  } else {
    persist({model::DeleteTask{row.id}});
  }
  dead_.remove(row.queue);
  taken_.add(row.id, TakenLetters::Taken{as, persists_});
}

void Scheduler::Impl::on(PurgeDead& command) {
  uint64_t purged = 0;
  for (const model::TaskRow& row : command.rows) {
    if (!may_see(command.client, row.tenant) || row.state != TaskState::dead) continue;
    if (row.requeued_as || taken_.find(row.id) != nullptr) continue;
    take_letter(row, std::nullopt);
    ++purged;
  }
  reply(command.client, Counted{purged, false});
}

void Scheduler::Impl::on(PurgeQueue& command) {
  std::vector<Task*> waiting;
  bool more = false;
  for (Task* task : tasks_.of_queue(command.queue)) {
    if (task->state == TaskState::running || model::is_terminal(task->state)) continue;
    if (!may_see(command.client, *task->tenant)) continue;
    more = waiting.size() == kMaxPurge;
    if (more) break;
    waiting.push_back(task);
  }
  for (Task* task : waiting) {
    end(*task, {TaskState::cancelled, model::Verdict::cancelled, nullptr, "its queue was purged"});
  }
  reply(command.client, Counted{waiting.size(), more});
}

// --- queues

void Scheduler::Impl::load_queue(model::QueueSettings settings) {
  if (settings.paused) ready_.pause(settings.queue);
  std::string queue = settings.queue;
  queues_.insert_or_assign(std::move(queue), std::move(settings));
}

void Scheduler::Impl::on(SetQueue& command) {
  const auto known = queues_.find(command.queue);
  if (known == queues_.end() && queues_.size() >= kMaxQueueSettings) {
    return reply(command.client,
                 Error{ErrorCode::too_large,
                       "at most " + std::to_string(kMaxQueueSettings) + " queues can have settings",
                       "queue", "", "Use fewer queues"});
  }
  model::QueueSettings settings = known == queues_.end() ? model::QueueSettings{} : known->second;
  settings.queue = command.queue;
  settings.paused = command.paused.value_or(settings.paused);
  take_over(settings.max_retries, command.max_retries);
  take_over(settings.retry_on, command.retry_on);
  take_over(settings.retry_delay_ms, command.retry_delay_ms);
  take_over(settings.full_jitter, command.full_jitter);
  if (known == queues_.end() || settings != known->second) {
    persist({model::PutQueue{settings}});
    set_paused(settings);
    queues_.insert_or_assign(command.queue, std::move(settings));
  }
  reply(command.client, std::vector{queue_view(command.queue)});
}

void Scheduler::Impl::set_paused(const model::QueueSettings& settings) {
  if (settings.paused == ready_.paused(settings.queue)) return;
  if (settings.paused) {
    ready_.pause(settings.queue);
    recall_queue(settings.queue);
  } else {
    ready_.resume(settings.queue);
    for (const auto& [instance, worker] : roster_.workers()) freed_.push_back(instance);
  }
}

// Workers give back what they have not started of it.
void Scheduler::Impl::recall_queue(const std::string& queue) {
  for (const auto& [instance, worker] : roster_.workers()) {
    for (const TaskId& id : worker.leases) {
      const Lease* lease = leases_.of(id);
      if (!lease->started && *lease->task->queue == queue) {
        send(instance, model::Recall{lease->ref});
      }
    }
  }
}

QueueView Scheduler::Impl::queue_view(const std::string& queue) const {
  QueueView view;
  view.queue = queue;
  if (const auto depth = tasks_.depths().find(queue); depth != tasks_.depths().end()) {
    view.depth = depth->second;
    view.oldest = ready_.oldest(queue);
  }
  view.dead_letters = dead_.count(queue);
  view.paused = ready_.paused(queue);
  view.settings.queue = queue;
  if (const auto set = queues_.find(queue); set != queues_.end()) view.settings = set->second;
  return view;
}

// --- workers

std::vector<Worker*> Scheduler::Impl::workers_named(const std::string& name) {
  std::vector<Worker*> found;
  for (const auto& [instance, worker] : roster_.workers()) {
    if (worker.name == name || to_string(instance) == name) {
      found.push_back(roster_.find(instance));
    }
  }
  std::ranges::sort(found, {}, [](const Worker* worker) { return worker->instance; });
  return found;
}

void Scheduler::Impl::on(DrainWorker& command) {
  std::vector<WorkerView> views;
  for (Worker* worker : workers_named(command.worker)) {
    roster_.drain(*worker);
    send(worker->instance, model::Drain{});
    views.push_back(worker_view(*worker));
  }
  if (views.empty()) return reply(command.client, no_such_worker(command.worker));
  reply(command.client, std::move(views));
}

void Scheduler::Impl::on(PingWorker& command) {
  std::set<InstanceId> asked;
  for (const Worker* worker : workers_named(command.worker)) asked.insert(worker->instance);
  if (asked.empty()) return reply(command.client, no_such_worker(command.worker));
  const auto token = pings_.add(command.client, asked, now_.mono + kPingTime);
  if (!token) {
    return reply(command.client, Error{ErrorCode::busy, "too many pings are under way", "", "",
                                       "Ask again in a few seconds"});
  }
  for (const InstanceId& instance : asked) send(instance, model::Ping{*token});
}

void Scheduler::Impl::said(Worker& worker, const model::Pong& message) {
  if (const auto ended = pings_.answered(message.token, worker.instance)) end_ping(*ended);
}

void Scheduler::Impl::end_ping(const Pings::Ended& ended) {
  std::vector<WorkerView> views;
  for (const InstanceId& instance : ended.answered) {
    if (const Worker* worker = roster_.find(instance); worker != nullptr) {
      views.push_back(worker_view(*worker));
    }
  }
  if (!views.empty()) return reply(ended.client, std::move(views));
  reply(ended.client, Error{ErrorCode::unavailable, "the worker does not answer", "worker", "",
                            "It may be paused, cut off or gone; see kiln workers"});
}

WorkerView Scheduler::Impl::worker_view(const Worker& worker) const {
  const auto silent = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::max(now_.mono - worker.heard_at, Duration(0)));
  return WorkerView{worker.instance,
                    worker.name,
                    worker.slots,
                    worker.credit,
                    static_cast<uint32_t>(worker.leases.size()),
                    worker.languages,
                    worker.queues,
                    worker.tags,
                    !worker.unreachable,
                    static_cast<uint64_t>(silent.count()),
                    worker.draining || worker.credit == 0};
}

}  // namespace kiln::core
