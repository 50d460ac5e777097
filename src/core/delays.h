// Tasks that wait for a wall time: scheduled and retrying ones for their due time, and those not
// started yet for their expiry. This is what waits, not the timer: the retry actor keeps the due
// times and says when one has come; expiries are looked at with each tick.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "core/task_table.h"

namespace kiln::core {

class Delays {
 public:
  // `task.due_at` does not change while it is here.
  void add(Task& task) { due_.insert(Entry{task.due_at, task.seq, &task}); }
  void remove(Task& task) { due_.erase(Entry{task.due_at, task.seq, &task}); }
  // By due time.
  std::vector<const Task*> all() const;
  size_t size() const { return due_.size(); }

  // Does nothing for a task without expiry, or one that is here.
  void arm_expiry(Task& task);
  void disarm_expiry(Task& task);
  // Those whose expiry has come, disarmed.
  std::vector<Task*> take_expired(WallTime now);
  bool any_expiry() const { return !expiries_.empty(); }

 private:
  struct Entry {
    WallTime at{};
    uint64_t seq = 0;
    Task* task = nullptr;
    auto operator<=>(const Entry&) const = default;
  };
  std::set<Entry> due_;
  std::set<Entry> expiries_;
};

}  // namespace kiln::core
