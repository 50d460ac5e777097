#include "core/restart_policy.h"

#include <algorithm>

namespace kiln::core {

std::optional<Duration> RestartPolicy::failed(MonoTime now) {
  while (!failures_.empty() && now - failures_.front() >= options_.window) failures_.pop_front();
  failures_.push_back(now);
  if (failures_.size() > options_.max_restarts) return std::nullopt;
  Duration delay = options_.first_delay;
  for (size_t i = 1; i < failures_.size() && delay < options_.max_delay; ++i) delay *= 2;
  return std::min(delay, options_.max_delay);
}

}  // namespace kiln::core
