// The due times of delayed tasks (scheduled, retrying), as the retry actor keeps them. It says
// "due" for the newest version of a task, once; whether that version still waits is the core's
// business, so nothing is ever cancelled here.
//
// A binary heap by due time beside a table of each task's newest entry. A replaced entry stays in
// the heap until it comes to the top or the heap is rebuilt; a rebuild is due when replaced ones
// outnumber the live ones (and kSlack), which keeps schedule and take_due at O(log n) amortised and
// memory within twice of what is live. Not thread-safe: one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "core/commands.h"

namespace kiln::core {

class DueTimes {
 public:
  // Replaced entries that are kept whatever the number of live ones.
  static constexpr size_t kSlack = 64;

  // Replaces the entry of an older (or the same) version of the task; ignored if a newer version is
  // already here.
  void schedule(const TaskId& id, uint64_t version, WallTime due);
  // All that are due at `now`, by due time, then in the order they were scheduled. Each is given
  // once.
  std::vector<Due> take_due(WallTime now);
  // When the next one is due.
  std::optional<WallTime> next() const;

  size_t size() const { return live_.size(); }
  // Replaced ones included.
  size_t entries() const { return heap_.size(); }

 private:
  struct Entry {
    WallTime due{};
    uint64_t serial = 0;  // one for each call of schedule
    TaskId id;
  };
  struct Newest {
    uint64_t version = 0;
    uint64_t serial = 0;
  };
  static bool later(const Entry& a, const Entry& b);
  bool is_live(const Entry& entry) const;
  void pop();
  void drop_replaced();

  std::vector<Entry> heap_;  // its top is always live
  std::unordered_map<TaskId, Newest> live_;
  uint64_t last_serial_ = 0;
};

}  // namespace kiln::core
