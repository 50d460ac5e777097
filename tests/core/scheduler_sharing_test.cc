// Answers from the cache, and tasks that join the run of equal work.
#include <gmock/gmock.h>

#include "tests/core/scheduler_fixture.h"

namespace kiln::core {
namespace {

using model::Assign;
using model::TaskState;
using model::Verdict;
using std::chrono::hours;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SchedulerSharing : public SchedulerFixture {
 protected:
  // All of this work is equal.
  static model::TaskRow same(uint8_t n) {
    model::TaskRow task = row(n);
    task.cache_key = Sha256{};
    return task;
  }
  void submit_same(uint8_t n) { submit(same(n)); }
  TaskState accepted_as() const {
    const auto accepted = answers<Accepted>();
    EXPECT_EQ(accepted.size(), 1U);
    return accepted.empty() ? TaskState::queued : accepted.front().tasks.front().state;
  }
  // The last row written of a task.
  std::optional<model::TaskRow> written(uint8_t n) const {
    std::optional<model::TaskRow> found;
    for (const Persist& persist : all<Persist>()) {
      for (const model::Write& write : persist.writes) {
        const auto* update = std::get_if<model::UpdateTask>(&write);
        if (update != nullptr && update->row.id == task_id(n)) found = update->row;
        const auto* insert = std::get_if<model::InsertTask>(&write);
        if (insert != nullptr && insert->row.id == task_id(n)) found = insert->row;
      }
    }
    return found;
  }
  size_t persists() const { return all<Persist>().size(); }
  void commit_all() { scheduler.committed(1'000'000); }
  void expect_end(uint8_t n, TaskState state, Verdict verdict) {
    const auto row = written(n);
    ASSERT_TRUE(row);
    EXPECT_EQ(row->state, state);
    EXPECT_EQ(row->verdict, verdict);
  }
};

// --- joins

TEST_F(SchedulerSharing, EqualWorkIsRunOnceAndEndsInOneCommit) {
  join(1);
  submit_same(1);
  const model::LeaseRef lease = assigned().lease;
  submit_same(2);
  EXPECT_EQ(accepted_as(), TaskState::joined);
  EXPECT_EQ(counted(Counter::joined), 1U);
  EXPECT_EQ(task(2).leader, task_id(1));
  EXPECT_THAT(status(2).waiting, ::testing::HasSubstr(to_string(task_id(1))));
  finish(1, lease);
  EXPECT_EQ(persists(), 1U) << "the ends of both are one commit";
  expect_end(1, TaskState::succeeded, Verdict::ok);
  expect_end(2, TaskState::succeeded, Verdict::ok);
  EXPECT_FALSE(written(1)->result_of);
  EXPECT_EQ(written(2)->result_of, task_id(1));
  EXPECT_EQ(written(2)->worker, "w1");
  EXPECT_THAT(all<Publish>(), SizeIs(2));
  commit_all();
  EXPECT_EQ(scheduler.live_tasks(), 0U);
}

TEST_F(SchedulerSharing, EqualTasksOfOneBatchAreRunOnce) {
  join(1, 4);
  Submit batch{client(), {}, false};
  for (uint8_t n = 1; n <= 4; ++n) batch.tasks.push_back(Submission{same(n), {}, false, {}});
  apply(std::move(batch));
  EXPECT_THAT(sent<Assign>(), SizeIs(1));
  EXPECT_EQ(task(4).state, TaskState::joined);
}

TEST_F(SchedulerSharing, JoinsOnlyWhatItMayShare) {
  submit_same(1);
  model::TaskRow other_queue = same(2);
  other_queue.queue = "other";
  submit(other_queue);
  EXPECT_EQ(accepted_as(), TaskState::queued);
  model::TaskRow alone = same(3);
  alone.cache = false;
  submit(alone);
  EXPECT_EQ(accepted_as(), TaskState::queued);
  model::TaskRow later = same(4);
  later.due_at = now.wall + hours(1);
  submit(later);
  EXPECT_EQ(accepted_as(), TaskState::scheduled);
}

TEST_F(SchedulerSharing, WhatAllowsNoSharingIsNotJoined) {
  model::TaskRow alone = same(1);
  alone.cache = false;
  submit(alone);
  submit_same(2);
  EXPECT_EQ(accepted_as(), TaskState::queued);
}

TEST_F(SchedulerSharing, NothingJoinsATaskOfAPausedQueue) {
  submit_same(1);
  apply(SetQueue{client(), "default", true, {}, {}, {}, {}});
  submit_same(2);
  EXPECT_EQ(accepted_as(), TaskState::queued);
}

TEST_F(SchedulerSharing, AJoinerRaisesItsLeadersPriority) {
  submit_same(1);
  submit(2);
  model::TaskRow urgent = same(3);
  urgent.priority = 9;
  submit(urgent);
  EXPECT_EQ(task(1).priority, 9);
  join(1);
  EXPECT_EQ(assigned().lease.id, task_id(1));
}

TEST_F(SchedulerSharing, JoinsPerLeaderAreBounded) {
  options.max_joins = 1;
  restart(1, {});
  submit_same(1);
  submit_same(2);
  submit_same(3);
  EXPECT_EQ(accepted_as(), TaskState::queued);
}

TEST_F(SchedulerSharing, WhenTheLeaderIsCancelledTheOldestJoinerRuns) {
  join(1);
  submit_same(1);
  for (uint8_t n = 2; n <= 4; ++n) submit_same(n);
  apply(CancelTask{client(), task_id(1)});
  EXPECT_EQ(persists(), 2U) << "one commit, and the lazy row of the new lease";
  const model::LeaseRef lease = assigned().lease;
  EXPECT_EQ(task(2).state, TaskState::running);
  EXPECT_FALSE(task(2).leader);
  EXPECT_EQ(task(3).leader, task_id(2));
  EXPECT_EQ(task(4).leader, task_id(2));
  submit_same(5);
  EXPECT_EQ(task(5).leader, task_id(2));
  finish(1, lease);
  for (uint8_t n = 2; n <= 5; ++n) expect_end(n, TaskState::succeeded, Verdict::ok);
}

TEST_F(SchedulerSharing, AJoinerIsCancelledByItself) {
  submit_same(1);
  submit_same(2);
  apply(CancelTask{client(), task_id(2)});
  expect_end(2, TaskState::cancelled, Verdict::cancelled);
  EXPECT_EQ(task(1).state, TaskState::queued);
  join(1);
  finish(1, assigned().lease);
  EXPECT_FALSE(written(2));
}

TEST_F(SchedulerSharing, AWaitingJoinerGetsTheAttemptThatEnded) {
  join(1);
  submit_same(1);
  const model::LeaseRef lease = assigned().lease;
  for (uint8_t n = 2; n <= 3; ++n) {
    model::TaskRow waiting = same(n);
    waiting.wait = true;
    submit(waiting);
  }
  submit_same(4);
  finish(1, lease, Verdict::wall_timeout);
  EXPECT_EQ(task(1).state, TaskState::retrying);
  expect_end(2, TaskState::failed, Verdict::wall_timeout);
  expect_end(3, TaskState::failed, Verdict::wall_timeout);
  EXPECT_FALSE(written(2)->result_of) << "it has the attempt's result itself";
  EXPECT_GT(written(2)->result_bytes, 0U);
  EXPECT_EQ(written(3)->result_of, task_id(2));
  EXPECT_EQ(task(4).state, TaskState::joined);
  submit_same(5);
  EXPECT_EQ(accepted_as(), TaskState::queued) << "a retrying task is not joined";
}

TEST_F(SchedulerSharing, JoinersStayWithALeaderWhoseWorkerIsLost) {
  join(1);
  submit_same(1);
  submit_same(2);
  pass(4 * kSecond);
  EXPECT_EQ(task(1).state, TaskState::queued);
  join(2);
  finish(2, assigned().lease);
  expect_end(2, TaskState::succeeded, Verdict::ok);
}

TEST_F(SchedulerSharing, AJoinerExpiresUntilItsLeaderStarts) {
  submit_same(1);
  model::TaskRow hasty = same(2);
  hasty.expires_at = now.wall + kSecond;
  submit(hasty);
  hasty = same(3);
  hasty.expires_at = now.wall + 3 * kSecond;
  submit(hasty);
  pass(kSecond);
  expect_end(2, TaskState::expired, Verdict::none);
  join(1);
  pass_with(4 * kSecond, {1});
  EXPECT_EQ(task(3).state, TaskState::joined);
}

TEST_F(SchedulerSharing, JoinersOfAnExpiredLeaderExpireWithItOrRun) {
  for (uint8_t n = 1; n <= 3; ++n) {
    model::TaskRow task = same(n);
    if (n < 3) task.expires_at = now.wall + kSecond;
    submit(task);
  }
  pass(kSecond);
  expect_end(1, TaskState::expired, Verdict::none);
  expect_end(2, TaskState::expired, Verdict::none);
  EXPECT_EQ(task(3).state, TaskState::queued);
  EXPECT_FALSE(task(3).leader);
  EXPECT_EQ(counted(Counter::finished), 2U) << "each ends once";
  commit_all();
  EXPECT_EQ(scheduler.live_tasks(), 1U);
}

TEST_F(SchedulerSharing, JoinsOutliveTheBroker) {
  submit_same(1);
  submit_same(2);
  submit_same(3);
  const std::vector<model::TaskRow> rows{task(1), task(2), task(3)};
  restart(2, {rows[1], rows[2], rows[0]});
  EXPECT_THAT(all<Persist>(), IsEmpty());
  join(1);
  EXPECT_THAT(sent<Assign>(), SizeIs(1));
  finish(1, assigned().lease);
  expect_end(3, TaskState::succeeded, Verdict::ok);
}

TEST_F(SchedulerSharing, JoinersWhoseLeaderIsNotThereRunByThemselves) {
  submit_same(1);
  submit_same(2);
  submit_same(3);
  restart(2, {task(2), task(3)});
  EXPECT_EQ(task(2).state, TaskState::queued);
  EXPECT_EQ(task(3).leader, task_id(2));
  ASSERT_TRUE(written(3));
}

// --- the cache

TEST_F(SchedulerSharing, AnswersFromTheCacheOnceTheEndIsCommitted) {
  join(1);
  submit_same(1);
  finish(1, assigned().lease);
  submit_same(2);
  EXPECT_EQ(accepted_as(), TaskState::queued) << "the first one's end may yet be lost";
  commit_all();
  submit_same(3);
  EXPECT_EQ(accepted_as(), TaskState::succeeded);
  EXPECT_EQ(written(3)->result_of, task_id(1));
  EXPECT_EQ(written(3)->attempt, 0U);
  EXPECT_EQ(counted(Counter::cache_hits), 1U);
  EXPECT_LT(place<Persist>(), place<Reply>());
  apply(QueryResult{client(), task_id(3), kSecond});
  EXPECT_THAT(answers<FromStore>(), SizeIs(1));
}

TEST_F(SchedulerSharing, ACachedResultHasItsTime) {
  join(1);
  submit_same(1);
  finish(1, assigned().lease);
  commit_all();
  pass_with(hours(1), {});
  submit_same(2);
  EXPECT_EQ(accepted_as(), TaskState::queued);
}

TEST_F(SchedulerSharing, OnlySuccessIsCachedUnlessToldOtherwise) {
  join(1);
  submit_same(1);
  finish(1, assigned().lease, Verdict::nonzero_exit);
  commit_all();
  submit_same(2);
  EXPECT_EQ(accepted_as(), TaskState::queued);
  options.cache.mode = CacheOptions::Mode::always;
  restart(2, {});
  join(1);
  submit_same(3);
  finish(1, assigned().lease, Verdict::nonzero_exit);
  commit_all();
  submit_same(4);
  expect_end(4, TaskState::failed, Verdict::nonzero_exit);
}

TEST_F(SchedulerSharing, TheCacheIsFilledAfterARestart) {
  model::TaskRow ended = same(1);
  ended.state = TaskState::succeeded;
  ended.verdict = Verdict::ok;
  ended.result_bytes = 6;
  ended.finished_at = now.wall;
  options.boot = 2;
  scheduler = Scheduler(options, Random(2));
  scheduler.load_cached(ended);
  scheduler.finish_load(now);
  submit_same(2);
  EXPECT_EQ(accepted_as(), TaskState::succeeded);
}

TEST_F(SchedulerSharing, ASharedAnswerIsNotCachedUnderItsOwnName) {
  join(1);
  submit_same(1);
  const model::LeaseRef lease = assigned().lease;
  submit_same(2);
  finish(1, lease);
  commit_all();
  submit_same(3);
  EXPECT_EQ(written(3)->result_of, task_id(1)) << "never a chain of references";
}

TEST_F(SchedulerSharing, NoCacheMeansARunOfItsOwn) {
  join(1);
  submit_same(1);
  finish(1, assigned().lease);
  commit_all();
  model::TaskRow fresh = same(2);
  fresh.cache = false;
  submit(fresh);
  EXPECT_EQ(accepted_as(), TaskState::queued);
}

}  // namespace
}  // namespace kiln::core
