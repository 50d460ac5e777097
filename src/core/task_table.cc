#include "core/task_table.h"

#include <algorithm>
#include <utility>

namespace kiln::core {
namespace {

using model::TaskRow;
using model::TaskState;

std::optional<WallTime> unpack(WallTime time) {
  return time == kNoTime ? std::nullopt : std::optional(time);
}

std::unique_ptr<Task::Rare> pack_rare(const TaskRow& row) {
  const bool empty = !row.leader && !row.origin && !row.requeued_as && !row.result_of &&
                     row.result_bytes == 0 && row.owner.empty() && row.owner_epoch == 0;
  if (empty) return nullptr;
  return std::make_unique<Task::Rare>(Task::Rare{row.leader, row.origin, row.requeued_as,
                                                 row.result_of, row.result_bytes, row.owner,
                                                 row.owner_epoch});
}

void unpack_rare(const Task& task, TaskRow& row) {
  if (!task.rare) return;
  row.leader = task.rare->leader;
  row.origin = task.rare->origin;
  row.requeued_as = task.rare->requeued_as;
  row.result_of = task.rare->result_of;
  row.result_bytes = task.rare->result_bytes;
  row.owner = task.rare->owner;
  row.owner_epoch = task.rare->owner_epoch;
}

void pack_times(const TaskRow& row, Task& task) {
  task.submitted_at = row.submitted_at;
  task.due_at = row.due_at.value_or(kNoTime);
  task.started_at = row.started_at.value_or(kNoTime);
  task.finished_at = row.finished_at.value_or(kNoTime);
  task.expires_at = row.expires_at.value_or(kNoTime);
}

void pack_numbers(const TaskRow& row, Task& task) {
  task.seq = row.seq;
  task.version = row.version;
  task.epoch = row.epoch;
  task.attempt = row.attempt;
  task.retries_used = row.retries_used;
  task.losses = row.losses;
  task.max_retries = row.max_retries;
  task.retry_on = row.retry_on;
  task.retry_delay_ms = row.retry_delay_ms;
  task.full_jitter = row.full_jitter;
  task.priority =
      static_cast<uint8_t>(std::clamp(row.priority, model::kMinPriority, model::kMaxPriority));
}

}  // namespace

Names::Name Names::take(const std::string& name) {
  const auto entry = uses_.try_emplace(name, 0).first;
  ++entry->second;
  return &entry->first;
}

void Names::give_back(Name name) {
  const auto entry = uses_.find(*name);
  if (--entry->second == 0) uses_.erase(entry);
}

Task::Rare& rare(Task& task) {
  if (!task.rare) task.rare = std::make_unique<Task::Rare>();
  return *task.rare;
}

TaskRow to_row(const Task& task) {
  TaskRow row;
  row.id = task.id;
  row.seq = task.seq;
  row.version = task.version;
  row.tenant = *task.tenant;
  row.queue = *task.queue;
  row.priority = task.priority;
  row.language = *task.language;
  row.state = task.state;
  row.verdict = task.verdict;
  row.attempt = task.attempt;
  row.retries_used = task.retries_used;
  row.losses = task.losses;
  row.max_retries = task.max_retries;
  row.retry_on = task.retry_on;
  row.retry_delay_ms = task.retry_delay_ms;
  row.full_jitter = task.full_jitter;
  row.wait = task.wait;
  row.cache = task.cache;
  row.epoch = task.epoch;
  row.worker = *task.worker;
  row.submitted_at = task.submitted_at;
  row.due_at = unpack(task.due_at);
  row.started_at = unpack(task.started_at);
  row.finished_at = unpack(task.finished_at);
  row.expires_at = unpack(task.expires_at);
  row.code_hash = task.code_hash;
  row.cache_key = task.cache_key;
  row.body_hash = task.body_hash;
  unpack_rare(task, row);
  return row;
}

Task& TaskTable::insert(const TaskRow& row) {
  Task& task = tasks_[row.id];
  task.id = row.id;
  task.tenant = names_.take(row.tenant);
  task.queue = names_.take(row.queue);
  task.language = names_.take(row.language);
  task.worker = names_.take(row.worker);
  task.rare = pack_rare(row);
  pack_numbers(row, task);
  pack_times(row, task);
  task.code_hash = row.code_hash;
  task.cache_key = row.cache_key;
  task.body_hash = row.body_hash;
  task.state = row.state;
  task.verdict = row.verdict;
  task.wait = row.wait;
  task.cache = row.cache;
  count(task, task.state, 1);
  return task;
}

Task* TaskTable::find(const TaskId& id) {
  const auto it = tasks_.find(id);
  return it == tasks_.end() ? nullptr : &it->second;
}

const Task* TaskTable::find(const TaskId& id) const {
  const auto it = tasks_.find(id);
  return it == tasks_.end() ? nullptr : &it->second;
}

void TaskTable::erase(const TaskId& id) {
  const auto it = tasks_.find(id);
  if (it == tasks_.end()) return;
  const Task& task = it->second;
  count(task, task.state, -1);
  for (const Names::Name name : {task.tenant, task.queue, task.language, task.worker}) {
    names_.give_back(name);
  }
  tasks_.erase(it);
}

std::vector<Task*> TaskTable::of_queue(const std::string& queue) {
  std::vector<Task*> found;
  if (!depths_.contains(queue)) return found;
  for (auto& [id, task] : tasks_) {
    if (*task.queue == queue) found.push_back(&task);
  }
  std::ranges::sort(found, [](const Task* a, const Task* b) {
    const bool a_leads = a->state != TaskState::joined;
    const bool b_leads = b->state != TaskState::joined;
    return std::pair(a_leads, a->seq) < std::pair(b_leads, b->seq);
  });
  return found;
}

void TaskTable::set_state(Task& task, TaskState state) {
  if (task.state == state) return;
  // In this order, so that a queue in use never leaves the table for a moment.
  count(task, state, 1);
  count(task, task.state, -1);
  task.state = state;
}

void TaskTable::set_worker(Task& task, const std::string& name) {
  if (*task.worker == name) return;
  const Names::Name old = std::exchange(task.worker, names_.take(name));
  names_.give_back(old);
}

void TaskTable::count(const Task& task, TaskState state, int change) {
  if (model::is_terminal(state)) return;
  const auto it = depths_.try_emplace(*task.queue, Depth{}).first;
  uint64_t& depth = it->second.at(static_cast<size_t>(state));
  depth += static_cast<uint64_t>(static_cast<int64_t>(change));
  if (depth == 0 && std::ranges::all_of(it->second, [](uint64_t n) { return n == 0; })) {
    depths_.erase(it);
  }
}

}  // namespace kiln::core
