#include "tests/core/scheduler_model.h"

#include <algorithm>

namespace kiln::core {

using model::LeaseRef;
using model::TaskState;

namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::count(names, name) > 0;
}

void end_lease(SchedulerModel::Task& task, TaskState state) {
  task.row.state = state;
  task.lease.reset();
  task.worker.reset();
  task.started = false;
}

}  // namespace

void SchedulerModel::submit(const model::TaskRow& row, Now now) {
  Task task{row, std::nullopt, std::nullopt, false};
  const bool later = row.due_at && *row.due_at > now.wall;
  task.row.state = later ? TaskState::scheduled : TaskState::queued;
  tasks_.emplace(row.id, task);
}

void SchedulerModel::cancel(const TaskId& id) {
  const auto it = tasks_.find(id);
  if (it != tasks_.end() && !model::is_terminal(it->second.row.state)) {
    end_lease(it->second, TaskState::cancelled);
  }
}

void SchedulerModel::due(const TaskId& id) { tasks_.at(id).row.state = TaskState::queued; }

void SchedulerModel::hello(const model::Hello& hello, Now now) {
  Worker& worker = workers_[hello.instance];
  worker = Worker{hello, hello.credit, now.mono + options_.window, MonoTime{}, false};
  for (auto& [id, task] : tasks_) {
    if (!task.lease) continue;
    const bool claimed = std::ranges::count(hello.leases, *task.lease) > 0 ||
                         std::ranges::count(hello.results, *task.lease) > 0;
    if (task.worker == hello.instance && !claimed) {
      task.started ? lose(task) : give_back(task);
    } else if (!task.worker && claimed && task.row.worker == hello.name) {
      task.worker = hello.instance;
    }
  }
}

void SchedulerModel::goodbye(const InstanceId& worker) {
  if (!workers_.contains(worker) || workers_.at(worker).unreachable) return;
  for (auto& [id, task] : tasks_) {
    if (task.lease && task.worker == worker && !task.started) give_back(task);
  }
  lose_worker(worker);
}

void SchedulerModel::unreachable(const InstanceId& worker, Now now) {
  const auto it = workers_.find(worker);
  if (it == workers_.end() || it->second.unreachable) return;
  it->second.unreachable = true;
  it->second.lost_at = std::min(it->second.lost_at, now.mono + options_.unreachable_grace);
}

// True if the scheduler takes what it says.
bool SchedulerModel::heard(const InstanceId& worker, Now now) {
  const auto it = workers_.find(worker);
  if (it == workers_.end() || it->second.unreachable) return false;
  it->second.lost_at = now.mono + options_.window;
  return true;
}

void SchedulerModel::credit(const InstanceId& worker, uint32_t credit, Now now) {
  if (!heard(worker, now)) return;
  workers_.at(worker).credit = credit;
  workers_.at(worker).paused_until = MonoTime{};
}

void SchedulerModel::heartbeat(const InstanceId& worker, Now now) { heard(worker, now); }

SchedulerModel::Task* SchedulerModel::leased(const InstanceId& worker, const LeaseRef& ref) {
  const auto it = tasks_.find(ref.id);
  if (it == tasks_.end() || it->second.lease != ref || it->second.worker != worker) return nullptr;
  return &it->second;
}

void SchedulerModel::started(const InstanceId& worker, const LeaseRef& ref, Now now) {
  if (!heard(worker, now)) return;
  if (Task* task = leased(worker, ref); task != nullptr) task->started = true;
}

void SchedulerModel::returned(const InstanceId& worker, const LeaseRef& ref, Now now) {
  if (!heard(worker, now)) return;
  Task* task = leased(worker, ref);
  if (task == nullptr) return;
  workers_.at(worker).paused_until = now.mono + options_.returned_pause;
  give_back(*task);
}

void SchedulerModel::refused(const InstanceId& worker, const LeaseRef& ref, Now now) {
  if (!heard(worker, now)) return;
  Task* task = leased(worker, ref);
  if (task == nullptr) return;
  workers_.at(worker).paused_until = now.mono + options_.heartbeat;
  give_back(*task);
}

void SchedulerModel::finished(const InstanceId& worker, const LeaseRef& ref, model::Verdict verdict,
                              Now now) {
  if (!heard(worker, now)) return;
  Task* task = leased(worker, ref);
  if (task == nullptr) return;
  model::TaskRow& row = task->row;
  const auto reason = model::retry_reason_of(verdict);
  const bool may = reason && !row.wait && (row.retry_on >> static_cast<uint32_t>(*reason) & 1U);
  row.verdict = verdict;
  if (verdict == model::Verdict::ok) {
    end_lease(*task, TaskState::succeeded);
  } else if (!may || row.max_retries == 0) {
    end_lease(*task, TaskState::failed);
  } else if (row.retries_used >= row.max_retries) {
    end_lease(*task, TaskState::dead);
  } else {
    end_lease(*task, TaskState::retrying);
    ++row.retries_used;
  }
}

void SchedulerModel::lose(Task& task) {
  ++task.row.losses;
  const bool poison = task.row.losses >= options_.max_losses;
  end_lease(task, poison ? TaskState::dead : TaskState::queued);
}

void SchedulerModel::give_back(Task& task) {
  --task.row.attempt;
  end_lease(task, TaskState::queued);
}

void SchedulerModel::lose_worker(const InstanceId& worker) {
  for (auto& [id, task] : tasks_) {
    if (task.lease && task.worker == worker) lose(task);
  }
  workers_.erase(worker);
}

void SchedulerModel::tick(Now now) {
  std::vector<InstanceId> lost;
  for (const auto& [id, worker] : workers_) {
    if (worker.lost_at <= now.mono) lost.push_back(id);
  }
  for (const InstanceId& id : lost) lose_worker(id);
  if (!claims_until_ || *claims_until_ > now.mono) return;
  claims_until_.reset();
  for (auto& [id, task] : tasks_) {
    if (task.lease && !task.worker) lose(task);
  }
}

void SchedulerModel::restart(Now now) {
  workers_.clear();
  forget_ended();
  claims_until_ = now.mono + options_.window;
  for (auto& [id, task] : tasks_) {
    task.worker.reset();
    task.started = task.lease.has_value();
  }
}

void SchedulerModel::forget_ended() {
  std::erase_if(tasks_,
                [](const auto& entry) { return model::is_terminal(entry.second.row.state); });
}

bool SchedulerModel::serves(const Worker& worker, const Task& task) const {
  const auto& languages = worker.hello.languages;
  const bool speaks = std::ranges::any_of(
      languages, [&](const auto& language) { return language.name == task.row.language; });
  return speaks && (worker.hello.queues.empty() || has(worker.hello.queues, task.row.queue));
}

bool SchedulerModel::has_room(const InstanceId& id, const Worker& worker, Now now) const {
  if (worker.unreachable || worker.paused_until > now.mono) return false;
  return leases_of(id).size() < std::min(worker.credit, 2 * worker.hello.slots);
}

void SchedulerModel::assigned(const InstanceId& worker, const model::Assign& assign, Now now) {
  const TaskId& id = assign.lease.id;
  if (!tasks_.contains(id)) return wrong(id, "is assigned, but unknown");
  Task& task = tasks_.at(id);
  if (!workers_.contains(worker)) return wrong(id, "is assigned to an unknown worker");
  const Worker& to = workers_.at(worker);
  if (task.row.state != TaskState::queued) wrong(id, "is assigned, but was not queued");
  if (!has_room(worker, to, now)) wrong(id, "is assigned to a worker without room");
  if (!serves(to, task)) wrong(id, "is assigned to a worker that does not serve it");
  for (const auto& [other_id, other] : tasks_) {
    if (other.row.state != TaskState::queued || !serves(to, other)) continue;
    if (std::pair(-other.row.priority, other.row.seq) <
        std::pair(-task.row.priority, task.row.seq)) {
      wrong(id, "is assigned before a better one");
    }
  }
  task.row.state = TaskState::running;
  task.lease = assign.lease;
  task.worker = worker;
  task.row.worker = to.hello.name;
  task.started = false;
  if (assign.attempt != ++task.row.attempt) wrong(id, "is assigned with another attempt");
}

void SchedulerModel::expired(const TaskId& id, Now now) {
  Task& task = tasks_.at(id);
  const bool waits = task.row.state == TaskState::queued || task.row.state == TaskState::scheduled;
  if (!waits || task.row.attempt != 0) wrong(id, "expired after it had started");
  if (!task.row.expires_at || *task.row.expires_at > now.wall) wrong(id, "expired too early");
  task.row.state = TaskState::expired;
}

void SchedulerModel::check_no_idle_slot(Now now) {
  for (const auto& [worker_id, worker] : workers_) {
    if (!has_room(worker_id, worker, now)) continue;
    for (const auto& [id, task] : tasks_) {
      if (task.row.state == TaskState::queued && serves(worker, task)) {
        wrong(id, "waits beside a free slot");
      }
    }
  }
}

void SchedulerModel::check(const TaskId& id, const Scheduler& scheduler) {
  const auto it = tasks_.find(id);
  const auto found = scheduler.find(id);
  if (it == tasks_.end() || !found) {
    if ((it == tasks_.end()) != !found) wrong(id, "is known on one side only");
    return;
  }
  const model::TaskRow& mine = it->second.row;
  if (found->state != mine.state) {
    wrong(id, "is " + std::string(to_string(found->state)) + ", but should be " +
                  std::string(to_string(mine.state)));
  }
  if (found->attempt != mine.attempt) wrong(id, "has another attempt");
  if (found->losses != mine.losses) wrong(id, "has other losses");
  if (found->retries_used != mine.retries_used) wrong(id, "has used other retries");
  if (found->priority != mine.priority || found->queue != mine.queue) wrong(id, "has changed");
}

std::vector<LeaseRef> SchedulerModel::leases_of(const InstanceId& worker) const {
  std::vector<LeaseRef> leases;
  for (const auto& [id, task] : tasks_) {
    if (task.lease && task.worker == worker) leases.push_back(*task.lease);
  }
  return leases;
}

void SchedulerModel::wrong(const TaskId& id, const std::string& what) {
  wrongs_.push_back("the task " + to_string(id) + " " + what);
}

}  // namespace kiln::core
