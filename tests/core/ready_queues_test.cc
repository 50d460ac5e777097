#include "core/ready_queues.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "base/random.h"
#include "core/seq_list.h"

namespace kiln::core {
namespace {

class Tasks {
 public:
  Task& make(int priority, const std::string& queue = "default",
             const std::string& language = "python") {
    Task& task = tasks_.emplace_back();
    task.id.bytes[15] = static_cast<uint8_t>(tasks_.size());
    task.seq = tasks_.size();
    task.priority = static_cast<uint8_t>(priority);
    task.tenant = names_.take("default");
    task.queue = names_.take(queue);
    task.language = names_.take(language);
    task.worker = names_.take("");
    task.submitted_at = wall_from_micros(static_cast<int64_t>(1'000 + task.seq));
    return task;
  }

 private:
  Names names_;
  std::deque<Task> tasks_;
};

const std::vector<std::string> kPython = {"python"};
const std::vector<std::string> kBoth = {"bash", "python"};

TEST(SeqList, KeepsOrderAndRankWhateverIsInsertedAndErased) {
  Random random(1);
  SeqList list;
  std::vector<uint64_t> sorted;
  for (int step = 0; step < 20'000; ++step) {
    const uint64_t seq = 1 + uniform(random, 5'000);
    const auto at = std::ranges::lower_bound(sorted, seq);
    const bool there = at != sorted.end() && *at == seq;
    ASSERT_EQ(list.rank(seq), static_cast<size_t>(at - sorted.begin()));
    if (there || uniform(random, 4) == 0) {
      ASSERT_EQ(list.erase(seq), there);
      if (there) sorted.erase(at);
    } else {
      list.insert(seq, nullptr);
      sorted.insert(at, seq);
    }
    ASSERT_EQ(list.size(), sorted.size());
  }
}

TEST(SeqList, IsAQueueOverManyChunks) {
  std::deque<Task> tasks(5'000);
  SeqList list;
  for (size_t i = 0; i < tasks.size(); ++i) list.insert(i, &tasks[i]);
  for (size_t i = 0; i < tasks.size(); ++i) {
    ASSERT_EQ(list.front(), &tasks[i]);
    ASSERT_TRUE(list.erase(i));
  }
  EXPECT_TRUE(list.empty());
}

TEST(ReadyQueues, HigherPriorityThenOlder) {
  Tasks tasks;
  ReadyQueues ready;
  Task& old = tasks.make(5);
  Task& young = tasks.make(5);
  Task& urgent = tasks.make(10);
  Task& idle = tasks.make(0);
  for (Task* task : {&young, &idle, &urgent, &old}) ready.push(*task);
  for (Task* task : {&urgent, &old, &young, &idle}) {
    ASSERT_EQ(ready.best(kPython, {}), task);
    ready.remove(*task);
  }
  EXPECT_EQ(ready.best(kPython, {}), nullptr);
  EXPECT_EQ(ready.size(), 0U);
}

TEST(ReadyQueues, LooksAtLanguagesAndQueuesServed) {
  Tasks tasks;
  ReadyQueues ready;
  Task& bash = tasks.make(9, "a", "bash");
  Task& python = tasks.make(5, "b");
  ready.push(bash);
  ready.push(python);
  EXPECT_EQ(ready.best(kPython, {}), &python);
  EXPECT_EQ(ready.best(kBoth, {}), &bash);
  EXPECT_EQ(ready.best(kBoth, {"b", "c"}), &python);
  EXPECT_EQ(ready.best(kPython, {"a"}), nullptr);
  EXPECT_EQ(ready.best({}, {}), nullptr);
}

TEST(ReadyQueues, TheBestOfManyQueuesIsTheSameBySearchAndByHeads) {
  Tasks tasks;
  ReadyQueues ready;
  Random random(5);
  std::vector<Task*> waiting;
  for (int i = 0; i < 2'000; ++i) {
    waiting.push_back(&tasks.make(static_cast<int>(uniform(random, 11)),
                                  "q" + std::to_string(uniform(random, 50)),
                                  uniform(random, 2) == 0 ? "python" : "bash"));
    ready.push(*waiting.back());
  }
  std::ranges::sort(waiting, [](const Task* a, const Task* b) {
    return std::pair(-int{a->priority}, a->seq) < std::pair(-int{b->priority}, b->seq);
  });
  for (Task* task : waiting) {
    ASSERT_EQ(ready.best(kBoth, {}), task);
    ready.remove(*task);
  }
}

TEST(ReadyQueues, CountsWhatIsAheadInItsQueue) {
  Tasks tasks;
  ReadyQueues ready;
  Task& first = tasks.make(5);
  Task& bash = tasks.make(5, "default", "bash");
  Task& other = tasks.make(9, "other");
  Task& last = tasks.make(5);
  Task& urgent = tasks.make(6);
  for (Task* task : {&first, &bash, &other, &last, &urgent}) ready.push(*task);
  EXPECT_EQ(ready.ahead_of(urgent), 0U);
  EXPECT_EQ(ready.ahead_of(first), 1U);
  EXPECT_EQ(ready.ahead_of(last), 3U);
  EXPECT_EQ(ready.ahead_of(other), 0U);
}

TEST(ReadyQueues, APausedQueueHasNothingForAnybody) {
  Tasks tasks;
  ReadyQueues ready;
  Task& paused = tasks.make(9, "paused");
  Task& open = tasks.make(1, "open");
  ready.push(paused);
  ready.push(open);
  ready.pause("paused");
  EXPECT_EQ(ready.best(kPython, {}), &open);
  EXPECT_EQ(ready.best(kPython, {"paused", "open"}), &open);
  EXPECT_EQ(ready.best(kPython, {"paused"}), nullptr);
  ready.resume("paused");
  EXPECT_EQ(ready.best(kPython, {"paused"}), &paused);
}

TEST(ReadyQueues, KnowsTheOldest) {
  Tasks tasks;
  ReadyQueues ready;
  EXPECT_FALSE(ready.oldest("default"));
  Task& early = tasks.make(1);
  Task& late = tasks.make(9);
  late.due_at = wall_from_micros(500);  // it has waited since then
  ready.push(early);
  EXPECT_EQ(ready.oldest("default"), early.submitted_at);
  ready.push(late);
  EXPECT_EQ(ready.oldest("default"), late.due_at);
}

}  // namespace
}  // namespace kiln::core
