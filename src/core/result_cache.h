// Which task has the result of which work: cache key -> a succeeded task, whose result is in the
// store. The key covers the tenant. Entries appear only when the end they rest on is committed,
// live for a bounded time, and the least recently used go first when there are too many.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>

#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"

namespace kiln::core {

inline constexpr size_t kMaxCachedResults = 100'000;
inline constexpr Duration kCacheTime = std::chrono::hours(1);

class ResultCache {
 public:
  explicit ResultCache(size_t max_entries = kMaxCachedResults, Duration keep = kCacheTime)
      : max_entries_(max_entries), keep_(keep) {}

  // `finished_at` counts the entry's time, so what is reloaded after a restart ages on.
  void put(const Sha256& key, const TaskId& id, WallTime finished_at);
  // The task whose result answers this work now; it becomes the most recently used.
  std::optional<TaskId> find(const Sha256& key, WallTime now);
  // Its row or result is gone from the store.
  void forget(const Sha256& key, const TaskId& id);
  size_t size() const { return by_key_.size(); }

 private:
  struct Entry {
    Sha256 key;
    TaskId id;
    WallTime finished_at{};
  };
  using Uses = std::list<Entry>;  // most recent first

  void erase(const Sha256& key);

  Uses uses_;
  std::map<Sha256, Uses::iterator> by_key_;
  size_t max_entries_;
  Duration keep_;
};

}  // namespace kiln::core
