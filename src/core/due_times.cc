#include "core/due_times.h"

#include <algorithm>
#include <tuple>

namespace kiln::core {

bool DueTimes::later(const Entry& a, const Entry& b) {
  return std::tie(a.due, a.serial) > std::tie(b.due, b.serial);
}

bool DueTimes::is_live(const Entry& entry) const {
  const auto found = live_.find(entry.id);
  return found != live_.end() && found->second.serial == entry.serial;
}

void DueTimes::schedule(const TaskId& id, uint64_t version, WallTime due) {
  Newest& newest = live_[id];
  if (version < newest.version) return;
  newest = {version, ++last_serial_};
  heap_.push_back({due, last_serial_, id});
  std::push_heap(heap_.begin(), heap_.end(), later);
  drop_replaced();
}

std::vector<Due> DueTimes::take_due(WallTime now) {
  std::vector<Due> due;
  while (!heap_.empty() && heap_.front().due <= now) {
    const auto found = live_.find(heap_.front().id);
    due.push_back({found->first, found->second.version});
    live_.erase(found);
    pop();
    drop_replaced();
  }
  return due;
}

std::optional<WallTime> DueTimes::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

void DueTimes::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), later);
  heap_.pop_back();
}

void DueTimes::drop_replaced() {
  if (heap_.size() > 2 * live_.size() + kSlack) {
    std::erase_if(heap_, [this](const Entry& entry) { return !is_live(entry); });
    std::make_heap(heap_.begin(), heap_.end(), later);
  }
  while (!heap_.empty() && !is_live(heap_.front())) pop();
}

}  // namespace kiln::core
