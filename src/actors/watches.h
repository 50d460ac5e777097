// Who watches which live task, as the scheduler has published it. When the streams actor, or the
// scheduler, begins anew, all of them are subscribed again from this list. One owner (the queue
// actor).
#pragma once

#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/commands.h"
#include "core/effects.h"

namespace kiln::actors {

// The rid of a request that nobody waits for.
inline constexpr uint64_t kNoAnswer = std::numeric_limits<uint64_t>::max();

class Watches {
 public:
  void note(const core::StreamNews& news);
  // Makes the scheduler forget its watchers, then has them all watch again, from offset 0.
  std::vector<core::Command> again() const;
  size_t size() const;

 private:
  void forget(const TaskId& id, const std::string& route);

  // By task, then by route: a client watches a task once.
  std::map<TaskId, std::map<std::string, core::ClientRef>> by_task_;
  std::map<std::string, std::set<TaskId>> by_route_;
};

}  // namespace kiln::actors
