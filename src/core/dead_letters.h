// How many dead tasks each queue has. The tasks themselves are in the store only; what is dead when
// the broker starts is told to it once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

namespace kiln::core {

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
