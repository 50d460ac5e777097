// How long a worker's last programs ran.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/time.h"

namespace kiln::core {

// Runs with a median under this are short: waiting for the next task costs a large part of one, so
// the worker may hold one more per slot ahead.
inline constexpr Duration kShortRun = std::chrono::milliseconds(50);

class RunTimes {
 public:
  static constexpr size_t kKept = 31;
  static constexpr size_t kEnough = 5;  // below, nothing can be said

  void add(Duration ran) { last_.at(count_++ % kKept) = ran; }
  bool short_runs() const {
    if (count_ < kEnough) return false;
    const size_t known = std::min(count_, kKept);
    auto sorted = last_;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(known / 2);
    std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(known));
    return *middle < kShortRun;
  }

 private:
  std::array<Duration, kKept> last_{};
  size_t count_ = 0;
};

}  // namespace kiln::core
