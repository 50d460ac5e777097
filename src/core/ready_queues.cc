#include "core/ready_queues.h"

#include <algorithm>
#include <bit>

namespace kiln::core {

ReadyQueues::Rank ReadyQueues::rank_of(const Task& task) {
  return Rank{model::kMaxPriority - task.priority, task.seq};
}

Task* ReadyQueues::Lane::head() const {
  if (filled == 0) return nullptr;
  return by_priority.at(static_cast<size_t>(std::bit_width(filled)) - 1).front();
}

void ReadyQueues::pause(const std::string& queue) {
  if (paused_.contains(queue)) return;
  show_heads(queue, false);
  paused_.insert(queue);
}

void ReadyQueues::resume(const std::string& queue) {
  if (paused_.erase(queue) != 0) show_heads(queue, true);
}

void ReadyQueues::show_heads(const std::string& queue, bool shown) {
  const auto lanes = queues_.find(queue);
  if (lanes == queues_.end()) return;
  for (const auto& [language, lane] : lanes->second) {
    Heads& heads = heads_[language];
    const std::pair entry{rank_of(*lane.head()), &lane};
    shown ? static_cast<void>(heads.insert(entry)) : static_cast<void>(heads.erase(entry));
    if (heads.empty()) heads_.erase(language);
  }
}

// The head of the task's lane may have changed from `before`: puts it where it belongs among its
// language's.
void ReadyQueues::set_head(const Task& task, const Lane& lane, const Task* before) {
  const Task* head = lane.head();
  if (head == before || paused_.contains(*task.queue)) return;
  const std::string& language = *task.language;
  Heads& heads = heads_[language];
  if (before != nullptr) heads.erase({rank_of(*before), &lane});
  if (head != nullptr) heads.insert({rank_of(*head), &lane});
  if (heads.empty()) heads_.erase(language);
}

void ReadyQueues::push(Task& task) {
  Lane& lane = queues_[*task.queue][*task.language];
  const Task* before = lane.head();
  lane.by_priority.at(task.priority).insert(task.seq, &task);
  lane.filled |= 1U << task.priority;
  set_head(task, lane, before);
  ++size_;
}

void ReadyQueues::remove(const Task& task) {
  const auto queue = queues_.find(*task.queue);
  const auto it = queue->second.find(*task.language);
  Lane& lane = it->second;
  const Task* before = lane.head();
  SeqList& list = lane.by_priority.at(task.priority);
  list.erase(task.seq);
  if (list.empty()) lane.filled &= ~(1U << task.priority);
  set_head(task, lane, before);
  if (lane.filled == 0) queue->second.erase(it);
  if (queue->second.empty()) queues_.erase(queue);
  --size_;
}

Task* ReadyQueues::best_of_queue(const std::string& queue,
                                 const std::vector<std::string>& languages) const {
  const auto lanes = queues_.find(queue);
  if (lanes == queues_.end() || paused_.contains(queue)) return nullptr;
  Task* best = nullptr;
  for (const std::string& language : languages) {
    const auto lane = lanes->second.find(language);
    if (lane == lanes->second.end()) continue;
    Task* head = lane->second.head();
    if (best == nullptr || rank_of(*head) < rank_of(*best)) best = head;
  }
  return best;
}

Task* ReadyQueues::best(const std::vector<std::string>& languages,
                        const std::vector<std::string>& queues) const {
  Task* best = nullptr;
  const auto consider = [&best](Task* task) {
    if (task == nullptr) return;
    if (best == nullptr || rank_of(*task) < rank_of(*best)) best = task;
  };
  for (const std::string& queue : queues) consider(best_of_queue(queue, languages));
  if (!queues.empty()) return best;
  for (const std::string& language : languages) {
    const auto heads = heads_.find(language);
    if (heads != heads_.end()) consider(heads->second.begin()->second->head());
  }
  return best;
}

uint64_t ReadyQueues::ahead_of(const Task& task) const {
  uint64_t ahead = 0;
  for (const auto& [language, lane] : queues_.at(*task.queue)) {
    for (size_t p = size_t{task.priority} + 1; p < kPriorities; ++p) {
      ahead += lane.by_priority.at(p).size();
    }
    ahead += lane.by_priority.at(task.priority).rank(task.seq);
  }
  return ahead;
}

std::vector<Unservable> ReadyQueues::lanes() const {
  std::vector<Unservable> list;
  for (const auto& [queue, lanes] : queues_) {
    for (const auto& [language, lane] : lanes) {
      uint64_t tasks = 0;
      for (const SeqList& waiting : lane.by_priority) tasks += waiting.size();
      list.push_back({queue, language, tasks});
    }
  }
  return list;
}

std::optional<WallTime> ReadyQueues::oldest(const std::string& queue) const {
  const auto lanes = queues_.find(queue);
  if (lanes == queues_.end()) return std::nullopt;
  std::optional<WallTime> oldest;
  for (const auto& [language, lane] : lanes->second) {
    for (const SeqList& list : lane.by_priority) {
      if (list.empty()) continue;
      const Task& task = *list.front();
      const WallTime since = task.due_at == kNoTime ? task.submitted_at : task.due_at;
      oldest = std::min(oldest.value_or(since), since);
    }
  }
  return oldest;
}

}  // namespace kiln::core
