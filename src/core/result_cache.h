// Which task has the result of which work: cache key -> a task that ended, whose result is in the
// store. The key covers the tenant. Entries appear only when the end they rest on is committed and
// live for a bounded time. Each tenant has a room of its own, of bounded bytes: the least recently
// used of its entries go first, and no tenant's work pushes another's out.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "model/states.h"

namespace kiln::core {

// Answers from results that are in the store.
struct CacheOptions {
  enum class Mode : uint8_t {
    success,  // of tasks that succeeded
    always,   // also of those that failed by themselves: their exit code, a limit, a syntax error
    never,
  };
  Mode mode = Mode::success;
  Duration ttl = std::chrono::hours(1);       // after the task's end
  uint64_t max_bytes = uint64_t{256} << 20U;  // of the results of one tenant
};

// What an entry counts beside its result's bytes: about what its row and ours take.
inline constexpr uint64_t kCacheEntryBytes = 4'096;

class ResultCache {
 public:
  struct Entry {
    TaskId id;
    model::TaskState state = model::TaskState::succeeded;
    model::Verdict verdict = model::Verdict::ok;
    uint64_t bytes = 0;      // of the result
    WallTime finished_at{};  // its time counts from here, so what is reloaded after a restart ages
    bool operator==(const Entry&) const = default;
  };
  explicit ResultCache(CacheOptions options) : options_(options) {}

  // Whether ends like this one may be put in at all.
  bool takes(model::TaskState state, model::Verdict verdict) const;
  void put(const Sha256& key, const std::string& tenant, const Entry& entry);
  // The task whose result answers this work now; it becomes the most recently used.
  std::optional<Entry> find(const Sha256& key, WallTime now);
  size_t size() const { return by_key_.size(); }
  uint64_t bytes() const;

 private:
  struct Tenant;
  struct Use {
    Sha256 key;
    Entry entry;
    Tenant* tenant = nullptr;
  };
  using Uses = std::list<Use>;  // most recent first
  struct Tenant {
    Uses uses;
    uint64_t bytes = 0;
  };

  static uint64_t charge(const Entry& entry) { return kCacheEntryBytes + entry.bytes; }
  void erase(const Sha256& key);

  CacheOptions options_;
  std::map<std::string, Tenant> tenants_;
  std::map<Sha256, Uses::iterator> by_key_;
};

}  // namespace kiln::core
