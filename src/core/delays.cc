#include "core/delays.h"

namespace kiln::core {

std::vector<const Task*> Delays::all() const {
  std::vector<const Task*> tasks;
  tasks.reserve(due_.size());
  for (const Entry& entry : due_) tasks.push_back(entry.task);
  return tasks;
}

void Delays::arm_expiry(Task& task) {
  if (task.expires_at != kNoTime) expiries_.insert(Entry{task.expires_at, task.seq, &task});
}

void Delays::disarm_expiry(Task& task) {
  if (task.expires_at != kNoTime) expiries_.erase(Entry{task.expires_at, task.seq, &task});
}

std::vector<Task*> Delays::take_expired(WallTime now) {
  std::vector<Task*> tasks;
  while (!expiries_.empty() && expiries_.begin()->at <= now) {
    tasks.push_back(expiries_.begin()->task);
    expiries_.erase(expiries_.begin());
  }
  return tasks;
}

}  // namespace kiln::core
