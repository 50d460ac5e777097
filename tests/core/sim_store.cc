#include "tests/core/sim_store.h"

#include <algorithm>

#include "model/audit.h"

namespace kiln::core::sim {

using model::is_terminal;

std::string show(const model::Epoch& epoch) {
  return std::to_string(epoch.boot) + "." + std::to_string(epoch.counter);
}

void SimStore::commit(const model::Writes& writes) {
  for (const model::Write& write : writes) {
    std::visit([this](const auto& w) { apply(w); }, write);
  }
}

const Stored* SimStore::find(const TaskId& id) const {
  const auto it = tasks_.find(id);
  return it == tasks_.end() ? nullptr : &it->second;
}

std::optional<Stored> SimStore::shown(const TaskId& id) const {
  const Stored* stored = find(id);
  if (stored == nullptr) return std::nullopt;
  Stored copy = *stored;
  if (copy.row.result_of) copy.result = find(*copy.row.result_of)->result;
  return copy;
}

std::vector<model::TaskRow> SimStore::cached() const {
  std::vector<model::TaskRow> rows;
  for (const auto& [id, stored] : tasks_) {
    const bool succeeded = stored.row.state == model::TaskState::succeeded;
    if (succeeded && !stored.result.empty()) rows.push_back(stored.row);
  }
  std::ranges::sort(rows, {},
                    [](const model::TaskRow& row) { return std::pair(row.finished_at, row.seq); });
  return rows;
}

std::vector<model::TaskRow> SimStore::live() const {
  std::vector<model::TaskRow> rows;
  for (const auto& [id, stored] : tasks_) {
    if (!is_terminal(stored.row.state)) rows.push_back(stored.row);
  }
  std::ranges::sort(rows, {}, &model::TaskRow::seq);
  return rows;
}

void SimStore::audit() const {
  for (const auto& [id, stored] : tasks_) {
    model::StoredTask task{stored.row,   stored.events, true,
                           std::nullopt, std::nullopt,  std::nullopt};
    if (!stored.result.empty()) task.result_bytes = stored.result.size();
    const Stored* leader = stored.row.leader ? find(*stored.row.leader) : nullptr;
    if (leader != nullptr) task.leader_state = leader->row.state;
    const Stored* holder = stored.row.result_of ? find(*stored.row.result_of) : nullptr;
    if (holder != nullptr) task.holder_has_result = !holder->result.empty();
    for (const model::Finding& finding : model::audit(task)) {
      verdicts_.wrong("the task " + to_string(id) + ": " + finding.text);
    }
  }
}

Stored* SimStore::must_find(const TaskId& id, const char* what) {
  const auto it = tasks_.find(id);
  if (it != tasks_.end()) return &it->second;
  verdicts_.wrong(std::string(what) + " of the unknown task " + to_string(id));
  return nullptr;
}

void SimStore::apply(const model::InsertTask& write) {
  const bool added = tasks_.try_emplace(write.row.id, Stored{write.row, "", {}}).second;
  if (!added) verdicts_.wrong("the task " + to_string(write.row.id) + " is inserted twice");
  if (write.row.seq <= last_seq_) verdicts_.wrong("a seq is not greater than those before it");
  last_seq_ = std::max(last_seq_, write.row.seq);
  check_reference(write.row);
  if (is_terminal(write.row.state)) ++ended_;
}

void SimStore::apply(const model::UpdateTask& write) {
  Stored* stored = must_find(write.row.id, "an update");
  if (stored == nullptr) return;
  const std::string id = to_string(write.row.id);
  if (is_terminal(stored->row.state)) verdicts_.wrong("the task " + id + " has a second end");
  if (write.row.version <= stored->row.version) verdicts_.wrong("a version of " + id + " is old");
  if (write.row.epoch < stored->row.epoch) verdicts_.wrong("an epoch of " + id + " went back");
  if (write.row.state == model::TaskState::expired && write.row.attempt != 0) {
    verdicts_.wrong("the task " + id + " expired after it had started");
  }
  if (is_terminal(write.row.state)) ++ended_;
  check_reference(write.row);
  stored->row = write.row;
}

// A shared result is there, is equal work's of the same tenant, and is its holder's own.
void SimStore::check_reference(const model::TaskRow& row) {
  if (!row.result_of) return;
  const Stored* holder = must_find(*row.result_of, "a shared result");
  if (holder == nullptr) return;
  const bool good = !holder->result.empty() && !holder->row.result_of &&
                    is_terminal(holder->row.state) && holder->row.state == row.state &&
                    holder->row.cache_key == row.cache_key && holder->row.tenant == row.tenant;
  if (!good) verdicts_.wrong("the task " + to_string(row.id) + " shares what it may not share");
}

void SimStore::apply(const model::PutResult& write) {
  Stored* stored = must_find(write.id, "a result");
  if (stored == nullptr) return;
  // A joiner that somebody waits for has the result of its leader's attempt.
  const Stored* ran = stored->row.leader ? find(*stored->row.leader) : stored;
  if (stored->result == *write.result) verdicts_.wrong(to_string(write.id) + " has a result twice");
  stored->result = *write.result;
  if (ran == nullptr || stored->result != show(ran->row.epoch)) {
    verdicts_.wrong("the task " + to_string(write.id) + " has the result of the lease " +
                    stored->result + ", but its present lease is " + show(stored->row.epoch));
  }
}

void SimStore::apply(const model::AddEvent& write) {
  Stored* stored = must_find(write.event.id, "an event");
  if (stored != nullptr) stored->events.push_back(write.event);
}

void SimStore::apply(const model::DeleteTask& write) { tasks_.erase(write.id); }

void SimStore::apply(const model::PutQueue& write) {
  queues_[write.settings.queue] = write.settings;
}

void SimStore::apply(const model::PutBlobChunk& /*write*/) {
  verdicts_.wrong("the core wrote a blob");
}

void SimStore::apply(const model::DeleteBlob& /*write*/) {
  verdicts_.wrong("the core deleted a blob");
}

}  // namespace kiln::core::sim
