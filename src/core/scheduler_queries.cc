// What clients ask about tasks, queues and workers, and cancelling.
#include <algorithm>
#include <tuple>

#include "core/scheduler_impl.h"

namespace kiln::core {

using model::TaskState;

// The live task, if this client may see it. Else answers: from the store if it may have ended, as
// unknown if it is another tenant's.
Task* Scheduler::Impl::live_of(const ClientRef& client, const TaskId& id, FromStore::What otherwise,
                               bool history) {
  Task* task = tasks_.find(id);
  if (task != nullptr && !may_see(client, *task->tenant)) {
    reply(client, no_such_task(id));
    return nullptr;
  }
  if (task != nullptr && !model::is_terminal(task->state)) return task;
  reply(client, FromStore{otherwise, id, {}, history});
  return nullptr;
}

void Scheduler::Impl::on(QueryStatus& command) {
  const Task* task = live_of(command.client, command.id, FromStore::What::status, command.history);
  if (task != nullptr) reply(command.client, status_view(*task, command.history));
}

void Scheduler::Impl::on(QueryResult& command) {
  const Task* task = live_of(command.client, command.id, FromStore::What::result, command.history);
  if (task == nullptr) return;
  if (command.wait <= Duration::zero()) {
    return reply(command.client, status_view(*task, command.history));
  }
  if (waiters_.add(task->id, {command.client, command.history}, now_.mono + command.wait)) return;
  reply(command.client, Error{ErrorCode::busy, "too many clients wait for results", "", "",
                              "Ask again without waiting"});
}

void Scheduler::Impl::on(CancelTask& command) {
  Task* task = live_of(command.client, command.id, FromStore::What::status);
  if (task == nullptr) return;
  std::optional<Cancel> kill;
  if (const Lease* lease = leases_.of(task->id); lease != nullptr && !lease->worker.is_nil()) {
    kill = Cancel{lease->worker, lease->ref};
  }
  end(*task, {TaskState::cancelled, model::Verdict::cancelled, nullptr, "cancelled by a client"});
  reply(command.client, Done{task->id, task->state});
  if (kill) out_.push_back(*kill);
}

void Scheduler::Impl::on(Subscribe& command) {
  Task* task = live_of(command.client, command.id, FromStore::What::status);
  if (task == nullptr) return;
  reply(command.client, status_view(*task));
  watch(command.client, *task, command.offset);
}

void Scheduler::Impl::watch(const ClientRef& client, Task& task, uint64_t offset) {
  const bool first = watched_.insert_or_assign(task.id, ++watch_serial_).second;
  publish(Watch{client, task.id, offset, watch_serial_});
  const Lease* lease = leases_.of(task.id);
  if (first && lease != nullptr) watch_lease(task, *lease);
}

void Scheduler::Impl::on(Unsubscribe& command) {
  publish(Unwatch{command.client.route, command.id});
  const Task* task = live_of(command.client, command.id, FromStore::What::status);
  if (task != nullptr) reply(command.client, Done{task->id, task->state});
}

void Scheduler::Impl::on(Unwatched& command) {
  const auto watched = watched_.find(command.id);
  if (watched == watched_.end()) return;
  const Lease* lease = leases_.of(command.id);
  if (watched->second > command.serial) {
    // A later watch has crossed this: streams has forgotten the lease and must hear of it again.
    const Task* task = tasks_.find(command.id);
    if (task != nullptr && lease != nullptr) watch_lease(*task, *lease);
    return;
  }
  watched_.erase(watched);
  if (lease == nullptr || lease->worker.is_nil()) return;
  send(lease->worker, model::UnwatchLease{lease->ref});
}

void Scheduler::Impl::on(ClientGone& command) {
  waiters_.drop_route(command.route);
  pings_.drop_route(command.route);
  publish(Unwatch{command.route, std::nullopt});
}

void Scheduler::Impl::on(QueryList& command) {
  const ClientRef client = command.client;
  reply(client, FromStore{FromStore::What::list, TaskId{}, std::move(command)});
}

void Scheduler::Impl::on(QueryQueues& command) { reply(command.client, queues()); }

std::vector<QueueView> Scheduler::Impl::queues() const {
  std::set<std::string> names;
  for (const auto& [queue, depth] : tasks_.depths()) names.insert(queue);
  for (const auto& [queue, dead] : dead_.counts()) names.insert(queue);
  for (const auto& [queue, settings] : queues_) names.insert(queue);
  std::vector<QueueView> list;
  for (const std::string& queue : names) list.push_back(queue_view(queue));
  return list;
}

void Scheduler::Impl::on(QueryWorkers& command) {
  std::vector<WorkerView> list = workers();
  std::ranges::sort(list, [](const WorkerView& a, const WorkerView& b) {
    return std::tie(a.name, a.instance) < std::tie(b.name, b.instance);
  });
  reply(command.client, std::move(list));
}

std::vector<WorkerView> Scheduler::Impl::workers() const {
  std::vector<WorkerView> list;
  for (const auto& [instance, worker] : roster_.workers()) {
    list.push_back(worker_view(worker));
  }
  return list;
}

std::vector<Unservable> Scheduler::Impl::unservable() const {
  std::vector<Unservable> list = ready_.lanes();
  std::erase_if(list, [this](const Unservable& lane) {
    return std::ranges::any_of(roster_.workers(), [&lane](const auto& one) {
      return one.second.serves(lane.queue, lane.language);
    });
  });
  return list;
}

StatusView Scheduler::Impl::status_view(const Task& task, bool history) {
  StatusView view{to_row(task), why_waiting(task), std::nullopt, history};
  if (task.state == TaskState::queued) view.place = ready_.ahead_of(task);
  return view;
}

std::string Scheduler::Impl::why_waiting(const Task& task) {
  switch (task.state) {
    case TaskState::queued:
      return why_queued(task);
    case TaskState::scheduled:
      return "it is scheduled for " + format_utc(task.due_at);
    case TaskState::retrying:
      return "it is tried again at " + format_utc(task.due_at);
    case TaskState::joined:
      return "it shares the run of " + to_string(*task.rare->leader);
    default:
      break;
  }
  const Lease* lease = leases_.of(task.id);
  if (lease == nullptr || (lease->started && !lease->worker.is_nil())) return "";
  if (lease->worker.is_nil()) return "its worker has not come back since the broker started";
  return "it is on its way to worker " + *task.worker;
}

std::string Scheduler::Impl::why_queued(const Task& task) const {
  if (ready_.paused(*task.queue)) return "its queue is paused";
  const auto& workers = roster_.workers();
  if (workers.empty()) return "no worker is connected";
  bool has_language = false;
  bool serves = false;
  bool takes = false;
  for (const auto& [instance, worker] : workers) {
    has_language = has_language || std::ranges::count(worker.language_names, *task.language) > 0;
    if (!worker.serves(*task.queue, *task.language)) continue;
    serves = true;
    takes = takes || (worker.credit > 0 && !worker.draining);
  }
  if (!has_language) return "no worker has " + *task.language;
  if (!serves) return "no worker with " + *task.language + " serves the queue " + *task.queue;
  return takes ? "no free slot" : "the workers that could run it are leaving";
}

}  // namespace kiln::core
