#include "tests/core/sim_store.h"

#include <algorithm>

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

std::vector<model::TaskRow> SimStore::live() const {
  std::vector<model::TaskRow> rows;
  for (const auto& [id, stored] : tasks_) {
    if (!is_terminal(stored.row.state)) rows.push_back(stored.row);
  }
  std::ranges::sort(rows, {}, &model::TaskRow::seq);
  return rows;
}

Stored* SimStore::must_find(const TaskId& id, const char* what) {
  const auto it = tasks_.find(id);
  if (it != tasks_.end()) return &it->second;
  verdicts_.wrong(std::string(what) + " of the unknown task " + to_string(id));
  return nullptr;
}

void SimStore::apply(const model::InsertTask& write) {
  const bool added = tasks_.try_emplace(write.row.id, Stored{write.row, ""}).second;
  if (!added) verdicts_.wrong("the task " + to_string(write.row.id) + " is inserted twice");
  if (write.row.seq <= last_seq_) verdicts_.wrong("a seq is not greater than those before it");
  last_seq_ = std::max(last_seq_, write.row.seq);
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
  stored->row = write.row;
}

void SimStore::apply(const model::PutResult& write) {
  Stored* stored = must_find(write.id, "a result");
  if (stored == nullptr) return;
  if (!stored->result.empty()) verdicts_.wrong(to_string(write.id) + " has a second result");
  stored->result = *write.result;
  if (stored->result != show(stored->row.epoch)) {
    verdicts_.wrong("the task " + to_string(write.id) + " has the result of the lease " +
                    stored->result + ", but its present lease is " + show(stored->row.epoch));
  }
}

void SimStore::apply(const model::AddEvent& write) { must_find(write.event.id, "an event"); }

void SimStore::apply(const model::DeleteTask& write) { tasks_.erase(write.id); }

void SimStore::apply(const model::PutQueue& write) {
  queues_[write.settings.queue] = write.settings;
}

}  // namespace kiln::core::sim
