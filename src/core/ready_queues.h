// The queued tasks, by queue. Higher priority is sooner; within one priority the smaller seq is
// sooner, so a task that comes back (retry, lost lease) is not put behind younger ones. Between
// queues the same order holds.
//
// Each pair of queue and language is a lane, and each language keeps its lanes in the order of
// their heads: finding a worker's next task looks at one head per language (and queue, where it
// serves only some), however many tasks wait.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/effects.h"
#include "core/seq_list.h"
#include "core/task_table.h"

namespace kiln::core {

class ReadyQueues {
 public:
  // Precondition: not here. Priority, queue, language and seq do not change while it is here.
  void push(Task& task);
  // Precondition: here.
  void remove(const Task& task);
  // What a worker with these languages runs next. `queues`: it serves only these; empty: all.
  Task* best(const std::vector<std::string>& languages,
             const std::vector<std::string>& queues) const;
  // Nothing of a paused queue is given out; what is here stays.
  void pause(const std::string& queue);
  void resume(const std::string& queue);
  bool paused(const std::string& queue) const { return paused_.contains(queue); }
  // Tasks of its queue that come before it (of whatever language).
  uint64_t ahead_of(const Task& task) const;
  // When the longest waiting task of a queue was submitted or came due.
  std::optional<WallTime> oldest(const std::string& queue) const;
  // How many wait, by queue and language.
  std::vector<Unservable> lanes() const;
  size_t size() const { return size_; }

 private:
  static constexpr size_t kPriorities = model::kMaxPriority + 1;
  struct Rank {  // smaller is sooner
    int below_top = 0;
    uint64_t seq = 0;
    auto operator<=>(const Rank&) const = default;
  };
  struct Lane {
    std::array<SeqList, kPriorities> by_priority;
    uint32_t filled = 0;  // bit p: by_priority[p] has tasks
    Task* head() const;
  };
  using Lanes = std::map<std::string, Lane>;  // by language
  using Heads = std::set<std::pair<Rank, const Lane*>>;

  static Rank rank_of(const Task& task);
  void show_heads(const std::string& queue, bool shown);
  void set_head(const Task& task, const Lane& lane, const Task* before);
  Task* best_of_queue(const std::string& queue, const std::vector<std::string>& languages) const;

  std::map<std::string, Lanes> queues_;  // only those with tasks
  std::map<std::string, Heads> heads_;   // by language; not of paused queues
  std::set<std::string> paused_;
  size_t size_ = 0;
};

}  // namespace kiln::core
