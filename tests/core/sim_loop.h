// Virtual time: actions in the order of their times, a monotonic clock that only they move, a wall
// clock that can jump, and one seeded generator.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "base/random.h"
#include "base/time.h"

namespace kiln::core::sim {

inline constexpr Duration kMs = std::chrono::milliseconds(1);
inline constexpr Duration kSec = std::chrono::seconds(1);

class SimLoop {
 public:
  using Action = std::function<void()>;
  explicit SimLoop(uint64_t seed) : random_(seed) {}

  void at(MonoTime time, Action action) {
    queue_.push(Item{std::max(time, mono_), ++serial_, std::move(action)});
  }
  void after(Duration delay, Action action) { at(mono_ + delay, std::move(action)); }
  // Runs the next action; false if there is none.
  bool step() {
    if (queue_.empty()) return false;
    Item next = queue_.top();
    queue_.pop();
    mono_ = next.time;
    ++events_;
    next.action();
    return true;
  }

  Now now() const { return Now{mono_, WallTime(mono_.time_since_epoch() + wall_offset_)}; }
  void jump_wall(Duration by) {
    wall_offset_ += by;
    furthest_ = std::max(furthest_, wall_offset_);
  }
  // No due time was ever set from a later clock.
  void set_wall_to_furthest() { wall_offset_ = furthest_; }
  uint64_t events() const { return events_; }

  Random& random() { return random_; }
  uint64_t below(uint64_t bound) { return uniform(random_, bound); }
  bool chance(uint64_t per_mille) { return below(1'000) < per_mille; }
  Duration between(Duration least, Duration most) {
    return least +
           Duration(static_cast<int64_t>(below(static_cast<uint64_t>((most - least).count()) + 1)));
  }

 private:
  struct Item {
    MonoTime time{};
    uint64_t serial = 0;
    Action action;
    bool operator<(const Item& other) const {  // the queue's top is the greatest
      return time != other.time ? time > other.time : serial > other.serial;
    }
  };
  std::priority_queue<Item> queue_;
  MonoTime mono_{std::chrono::hours(1)};
  Duration wall_offset_ = std::chrono::hours(480'000);
  Duration furthest_ = wall_offset_;
  uint64_t serial_ = 0;
  uint64_t events_ = 0;
  Random random_;
};

}  // namespace kiln::core::sim
