// TaskTable, Leases, Delays, DeadLetters, ResultCache and Waiters.
#include <gtest/gtest.h>

#include "core/dead_letters.h"
#include "core/delays.h"
#include "core/leases.h"
#include "core/result_cache.h"
#include "core/task_table.h"
#include "core/waiters.h"

namespace kiln::core {
namespace {

using model::TaskState;
using model::Verdict;
using std::chrono::seconds;

TaskId task_id(uint8_t n) {
  TaskId id;
  id.bytes[15] = n;
  return id;
}
WallTime wall(int second) { return WallTime(seconds(second)); }
MonoTime mono(int second) { return MonoTime(seconds(second)); }

model::TaskRow full_row() {
  model::TaskRow row;
  row.id = task_id(1);
  row.seq = 7;
  row.version = 9;
  row.tenant = "tenant";
  row.queue = "queue";
  row.priority = 10;
  row.language = "python";
  row.state = TaskState::retrying;
  row.verdict = model::Verdict::wall_timeout;
  row.attempt = 3;
  row.retries_used = 2;
  row.losses = 1;
  row.max_retries = 4;
  row.retry_on = 5;
  row.wait = true;
  row.cache = false;
  row.epoch = {2, 3};
  row.worker = "w";
  row.submitted_at = wall(1);
  row.due_at = wall(2);
  row.started_at = wall(3);
  row.finished_at = wall(4);
  row.expires_at = wall(5);
  row.code_hash[0] = 1;
  row.cache_key[1] = 2;
  row.body_hash[2] = 3;
  row.leader = task_id(2);
  row.origin = task_id(3);
  row.requeued_as = task_id(4);
  row.owner = "owner";
  row.owner_epoch = 8;
  return row;
}

TEST(TaskTable, KeepsEveryFieldOfARow) {
  TaskTable table;
  EXPECT_EQ(to_row(table.insert(full_row())), full_row());
  model::TaskRow plain;
  plain.id = task_id(2);
  EXPECT_EQ(to_row(table.insert(plain)), plain);
}

TEST(TaskTable, CountsLiveTasksByQueueAndState) {
  TaskTable table;
  Task& task = table.insert(full_row());
  const auto depth = [&](TaskState state) {
    return table.depths().at("queue").at(static_cast<size_t>(state));
  };
  EXPECT_EQ(depth(TaskState::retrying), 1U);
  table.set_state(task, TaskState::queued);
  EXPECT_EQ(depth(TaskState::retrying), 0U);
  EXPECT_EQ(depth(TaskState::queued), 1U);
  table.set_state(task, TaskState::dead);
  EXPECT_TRUE(table.depths().empty());
  table.erase(task_id(1));
  EXPECT_EQ(table.size(), 0U);
}

TEST(Names, AreSharedAndFreed) {
  Names names;
  const Names::Name a = names.take("a");
  EXPECT_EQ(names.take(std::string("a")), a);
  names.give_back(a);
  EXPECT_EQ(names.size(), 1U);
  names.give_back(a);
  EXPECT_EQ(names.size(), 0U);
}

TEST(Leases, EpochsRise) {
  Leases leases(4);
  Task task;
  task.id = task_id(1);
  const model::Epoch first = leases.grant(task, InstanceId{}).ref.epoch;
  leases.release(task.id);
  const model::Epoch second = leases.grant(task, InstanceId{}).ref.epoch;
  EXPECT_EQ(first.boot, 4U);
  EXPECT_GT(second, first);
  EXPECT_GT((model::Epoch{5, 1}), second);
}

TEST(Leases, OnlyTheHolderUnderTheEpochIsCurrent) {
  Leases leases(1);
  Task task;
  task.id = task_id(1);
  InstanceId worker;
  worker.bytes[0] = 1;
  const model::LeaseRef ref = leases.grant(task, worker).ref;
  EXPECT_NE(leases.current(ref, worker), nullptr);
  EXPECT_EQ(leases.current(ref, InstanceId{}), nullptr);
  EXPECT_EQ(leases.current({ref.id, {1, 9}}, worker), nullptr);
  leases.release(ref.id);
  EXPECT_EQ(leases.current(ref, worker), nullptr);
}

TEST(Leases, LooksAgainAtWhatHasNotStarted) {
  Leases leases(1);
  std::vector<Task> tasks(3);
  InstanceId worker;
  worker.bytes[0] = 1;
  for (uint8_t n = 0; n < 3; ++n) {
    tasks[n].id = task_id(n);
    leases.check_later(leases.grant(tasks[n], worker), mono(n));
  }
  leases.of(task_id(0))->started = true;
  leases.release(task_id(1));
  EXPECT_EQ(leases.next_check(), mono(0));
  EXPECT_TRUE(leases.take_unstarted(mono(1)).empty());
  EXPECT_EQ(leases.take_unstarted(mono(2)).size(), 1U);
  EXPECT_FALSE(leases.next_check());
}

TEST(Delays, GivesExpiriesInTheirOrderOnce) {
  Delays delays;
  std::vector<Task> tasks(3);
  for (size_t i = 0; i < 3; ++i) tasks[i].seq = i;
  tasks[0].expires_at = wall(5);
  tasks[1].expires_at = wall(4);
  for (Task& task : tasks) delays.arm_expiry(task);
  EXPECT_TRUE(delays.take_expired(wall(3)).empty());
  EXPECT_EQ(delays.take_expired(wall(9)), (std::vector{&tasks[1], &tasks[0]}));
  EXPECT_FALSE(delays.any_expiry());
  delays.arm_expiry(tasks[0]);
  delays.disarm_expiry(tasks[0]);
  EXPECT_FALSE(delays.any_expiry());
}

TEST(Delays, ListsByDueTime) {
  Delays delays;
  std::vector<Task> tasks(2);
  tasks[0].due_at = wall(2);
  tasks[1].due_at = wall(1);
  for (Task& task : tasks) delays.add(task);
  EXPECT_EQ(delays.all(), (std::vector<const Task*>{&tasks[1], &tasks[0]}));
  delays.remove(tasks[1]);
  EXPECT_EQ(delays.size(), 1U);
}

TEST(DeadLetters, CountByQueue) {
  DeadLetters dead;
  dead.add("a");
  dead.add("a", 4);
  dead.add("b", 0);
  EXPECT_EQ(dead.count("a"), 5U);
  EXPECT_EQ(dead.counts().size(), 1U);
  dead.remove("a", 4);
  EXPECT_EQ(dead.count("a"), 1U);
  dead.remove("a", 9);
  EXPECT_TRUE(dead.counts().empty());
}

Sha256 key(uint8_t n) {
  Sha256 key{};
  key[0] = n;
  return key;
}

using Mode = CacheOptions::Mode;

ResultCache::Entry cached(uint8_t id, uint64_t bytes = 10, int finished_ms = 0) {
  return {task_id(id), model::TaskState::succeeded, model::Verdict::ok, bytes, wall(finished_ms)};
}

TEST(ResultCache, DropsTheLeastRecentlyUsedOfATenant) {
  ResultCache cache({Mode::success, seconds(10), 2 * kCacheEntryBytes + 30});
  cache.put(key(1), "a", cached(1));
  cache.put(key(2), "a", cached(2));
  cache.put(key(9), "b", cached(9));  // has a room of its own
  EXPECT_EQ(cache.find(key(1), wall(1)), cached(1));
  cache.put(key(3), "a", cached(3));
  EXPECT_FALSE(cache.find(key(2), wall(1)));
  EXPECT_EQ(cache.find(key(1), wall(1)), cached(1));
  EXPECT_EQ(cache.find(key(9), wall(1)), cached(9));
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_EQ(cache.bytes(), 3 * (kCacheEntryBytes + 10));
}

TEST(ResultCache, TakesNoResultLargerThanItsRoom) {
  ResultCache cache({Mode::success, seconds(10), kCacheEntryBytes + 10});
  cache.put(key(1), "a", cached(1, 10));
  cache.put(key(2), "a", cached(2, 11));
  EXPECT_FALSE(cache.find(key(2), wall(1)));
  EXPECT_TRUE(cache.find(key(1), wall(1))) << "what fits stays";
}

TEST(ResultCache, ForgetsWithTimeAndHasTheLatestEnd) {
  ResultCache cache({Mode::success, seconds(10), 1 << 20});
  cache.put(key(1), "a", cached(1));
  EXPECT_FALSE(cache.find(key(1), wall(10)));
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_EQ(cache.bytes(), 0U);
  cache.put(key(1), "a", cached(1, 10, 0));
  cache.put(key(1), "a", cached(2, 20, 5));
  EXPECT_EQ(cache.find(key(1), wall(10)), cached(2, 20, 5));
  EXPECT_EQ(cache.bytes(), kCacheEntryBytes + 20);
}

TEST(ResultCache, TakesFailuresOnlyIfToldTo) {
  const auto takes = [](Mode mode, model::TaskState state, Verdict verdict) {
    return ResultCache({mode, seconds(10), 1 << 20}).takes(state, verdict);
  };
  EXPECT_TRUE(takes(Mode::success, TaskState::succeeded, Verdict::ok));
  EXPECT_FALSE(takes(Mode::success, TaskState::failed, Verdict::nonzero_exit));
  EXPECT_TRUE(takes(Mode::always, TaskState::failed, Verdict::nonzero_exit));
  EXPECT_FALSE(takes(Mode::always, TaskState::failed, Verdict::infrastructure_error));
  EXPECT_FALSE(takes(Mode::always, TaskState::cancelled, Verdict::cancelled));
  EXPECT_FALSE(takes(Mode::always, TaskState::dead, Verdict::wall_timeout));
  EXPECT_FALSE(takes(Mode::never, TaskState::succeeded, Verdict::ok));
}

ClientRef client(const std::string& route, uint64_t rid) { return ClientRef{route, rid, ""}; }

TEST(Waiters, AreAnsweredOnceInTheirOrder) {
  Waiters waiters(10);
  waiters.add(task_id(1), {client("a", 1), false}, mono(9));
  waiters.add(task_id(1), {client("b", 2), false}, mono(5));
  waiters.add(task_id(2), {client("a", 3), false}, mono(7));
  EXPECT_EQ(waiters.next_deadline(), mono(5));
  const auto taken = waiters.take(task_id(1));
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].client, client("a", 1));
  EXPECT_EQ(taken[1].client, client("b", 2));
  EXPECT_TRUE(waiters.take(task_id(1)).empty());
  EXPECT_EQ(waiters.next_deadline(), mono(7));
}

TEST(Waiters, EndByDeadlineOrWithTheirClient) {
  Waiters waiters(10);
  waiters.add(task_id(1), {client("a", 1), false}, mono(9));
  waiters.add(task_id(1), {client("b", 2), false}, mono(5));
  waiters.add(task_id(2), {client("b", 3), false}, mono(6));
  const auto late = waiters.take_late(mono(5));
  ASSERT_EQ(late.size(), 1U);
  EXPECT_EQ(late[0].waiter.client, client("b", 2));
  waiters.drop_route("b");
  waiters.drop_route("unknown");
  EXPECT_EQ(waiters.size(), 1U);
  EXPECT_EQ(waiters.take(task_id(1)).size(), 1U);
  EXPECT_FALSE(waiters.next_deadline());
}

TEST(Waiters, AreBoundedPerTask) {
  Waiters waiters(2);
  EXPECT_TRUE(waiters.add(task_id(1), {client("a", 1), false}, mono(9)));
  EXPECT_TRUE(waiters.add(task_id(1), {client("a", 2), false}, mono(9)));
  EXPECT_FALSE(waiters.add(task_id(1), {client("a", 3), false}, mono(9)));
  EXPECT_TRUE(waiters.add(task_id(2), {client("a", 4), false}, mono(9)));
}

}  // namespace
}  // namespace kiln::core
