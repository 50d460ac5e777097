#include "core/result_cache.h"

namespace kiln::core {

using model::TaskState;
using model::Verdict;

bool ResultCache::takes(TaskState state, Verdict verdict) const {
  if (options_.mode == CacheOptions::Mode::never) return false;
  if (state == TaskState::succeeded) return true;
  if (options_.mode != CacheOptions::Mode::always || state != TaskState::failed) return false;
  // Ours, not the program's.
  return verdict != Verdict::infrastructure_error && verdict != Verdict::checker_error &&
         verdict != Verdict::none;
}

void ResultCache::put(const Sha256& key, const std::string& tenant, const Entry& entry) {
  if (!takes(entry.state, entry.verdict) || charge(entry) > options_.max_bytes) return;
  erase(key);
  Tenant& room = tenants_[tenant];
  room.bytes += charge(entry);
  while (room.bytes > options_.max_bytes) erase(Sha256(room.uses.back().key));
  room.uses.push_front(Use{key, entry, &room});
  by_key_.emplace(key, room.uses.begin());
}

std::optional<ResultCache::Entry> ResultCache::find(const Sha256& key, WallTime now) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  const Uses::iterator use = found->second;
  if (now - use->entry.finished_at >= options_.ttl) {
    erase(key);
    return std::nullopt;
  }
  Uses& uses = use->tenant->uses;
  uses.splice(uses.begin(), uses, use);
  return use->entry;
}

// A tenant's empty room stays: there are as many as tenants.
void ResultCache::erase(const Sha256& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  Tenant& room = *found->second->tenant;
  room.bytes -= charge(found->second->entry);
  room.uses.erase(found->second);
  by_key_.erase(found);
}

uint64_t ResultCache::bytes() const {
  uint64_t sum = 0;
  for (const auto& [name, room] : tenants_) sum += room.bytes;
  return sum;
}

}  // namespace kiln::core
