// How many dead tasks each queue has. The tasks themselves are in the store only; what is dead when
// the broker starts is told to it once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/ids.h"

namespace kiln::core {

// Dead letters that were requeued or purged of late. Who reads them from the store may have seen
// them as they were before, and ask for the same again.
class TakenLetters {
 public:
  static constexpr size_t kMaxKept = 100'000;
  struct Taken {
    std::optional<TaskId> as;  // requeued as that task; absent: purged
    uint64_t behind = 0;       // stored when so many persists are
  };
  void add(const TaskId& id, const Taken& taken) {
    if (taken_.insert_or_assign(id, taken).second) order_.push_back(id);
  }
  const Taken* find(const TaskId& id) const {
    const auto found = taken_.find(id);
    return found == taken_.end() ? nullptr : &found->second;
  }
  // Forgets the oldest of those that are stored, down to kMaxKept.
  void committed(uint64_t persists) {
    while (order_.size() > kMaxKept && taken_.at(order_.front()).behind <= persists) {
      taken_.erase(order_.front());
      order_.pop_front();
    }
  }

 private:
  std::unordered_map<TaskId, Taken> taken_;
  std::deque<TaskId> order_;
};

class DeadLetters {
 public:
  void add(const std::string& queue, uint64_t count = 1) {
    if (count > 0) counts_[queue] += count;
  }
  // Requeued or purged.
  void remove(const std::string& queue, uint64_t count = 1) {
    const auto it = counts_.find(queue);
    if (it == counts_.end()) return;
    it->second -= std::min(it->second, count);
    if (it->second == 0) counts_.erase(it);
  }
  uint64_t count(const std::string& queue) const {
    const auto it = counts_.find(queue);
    return it == counts_.end() ? 0 : it->second;
  }
  // Queues that have any.
  const std::map<std::string, uint64_t>& counts() const { return counts_; }

 private:
  std::map<std::string, uint64_t> counts_;
};

}  // namespace kiln::core
