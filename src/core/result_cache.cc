#include "core/result_cache.h"

namespace kiln::core {

void ResultCache::put(const Sha256& key, const TaskId& id, WallTime finished_at) {
  if (max_entries_ == 0) return;
  erase(key);
  if (by_key_.size() >= max_entries_) erase(Sha256(uses_.back().key));
  uses_.push_front(Entry{key, id, finished_at});
  by_key_.emplace(key, uses_.begin());
}

std::optional<TaskId> ResultCache::find(const Sha256& key, WallTime now) {
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return std::nullopt;
  if (now - it->second->finished_at >= keep_) {
    erase(key);
    return std::nullopt;
  }
  uses_.splice(uses_.begin(), uses_, it->second);
  return it->second->id;
}

void ResultCache::forget(const Sha256& key, const TaskId& id) {
  const auto it = by_key_.find(key);
  if (it != by_key_.end() && it->second->id == id) erase(key);
}

void ResultCache::erase(const Sha256& key) {
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return;
  uses_.erase(it->second);
  by_key_.erase(it);
}

}  // namespace kiln::core
