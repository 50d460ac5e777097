// Single-flight: equal work that is asked for while it runs is run once. A leader is a queued or
// running task that allows it; later tasks with its cache key, on its queue, join it and share its
// end. Who may join, and what an end means, is the scheduler's matter (scheduler_sharing.cc).
#pragma once

#include <cstring>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/task_table.h"

namespace kiln::core {

class Joins {
 public:
  // Tasks with the same work may join it from now on, unless another leads that work already.
  void lead(Task& task) { leaders_.insert(&task); }
  // Nothing joins it any more; its joiners stay. Does nothing for a task that does not lead.
  void stop_leading(Task& task);
  Task* leader_of(const Sha256& cache_key, const std::string& queue) const;

  // Precondition: `joiner.rare->leader` names the task.
  void join(Task& joiner) { joiners_[*joiner.rare->leader].emplace(joiner.seq, &joiner); }
  void leave(const Task& joiner);
  size_t count(const TaskId& leader) const;
  // Takes all of a leader's, by rising seq.
  std::vector<Task*> take(const TaskId& leader);
  std::vector<Task*> of(const TaskId& leader) const;
  // Those that have joiners.
  std::vector<TaskId> leaders() const;

 private:
  struct Work {
    const Sha256& key;
    const std::string& queue;
  };
  static Work work_of(const Task* task) { return {task->cache_key, *task->queue}; }
  static Work work_of(const Work& work) { return work; }
  struct Hash {
    using is_transparent = void;
    template <class T>
    size_t operator()(const T& of) const noexcept {
      size_t hash = 0;  // the key is a hash: any part of it is one
      std::memcpy(&hash, work_of(of).key.data(), sizeof hash);
      return hash;
    }
  };
  struct Same {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
      return work_of(a).key == work_of(b).key && work_of(a).queue == work_of(b).queue;
    }
  };

  std::unordered_set<Task*, Hash, Same> leaders_;
  std::unordered_map<TaskId, std::map<uint64_t, Task*>> joiners_;  // by leader, then seq
};

}  // namespace kiln::core
