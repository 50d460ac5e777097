#include "core/joins.h"

namespace kiln::core {

void Joins::stop_leading(Task& task) {
  const auto found = leaders_.find(&task);
  if (found != leaders_.end() && *found == &task) leaders_.erase(found);
}

Task* Joins::leader_of(const Sha256& cache_key, const std::string& queue) const {
  const auto found = leaders_.find(Work{cache_key, queue});
  return found == leaders_.end() ? nullptr : *found;
}

void Joins::leave(const Task& joiner) {
  const auto found = joiners_.find(*joiner.rare->leader);
  if (found == joiners_.end()) return;
  found->second.erase(joiner.seq);
  if (found->second.empty()) joiners_.erase(found);
}

size_t Joins::count(const TaskId& leader) const {
  const auto found = joiners_.find(leader);
  return found == joiners_.end() ? 0 : found->second.size();
}

std::vector<Task*> Joins::of(const TaskId& leader) const {
  std::vector<Task*> joiners;
  const auto found = joiners_.find(leader);
  if (found == joiners_.end()) return joiners;
  joiners.reserve(found->second.size());
  for (const auto& [seq, task] : found->second) joiners.push_back(task);
  return joiners;
}

std::vector<Task*> Joins::take(const TaskId& leader) {
  std::vector<Task*> joiners = of(leader);
  joiners_.erase(leader);
  return joiners;
}

std::vector<TaskId> Joins::leaders() const {
  std::vector<TaskId> ids;
  ids.reserve(joiners_.size());
  for (const auto& [id, joiners] : joiners_) ids.push_back(id);
  return ids;
}

}  // namespace kiln::core
