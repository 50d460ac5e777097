#include "tests/core/scheduler_fixture.h"

namespace kiln::core {
namespace {

using model::TaskState;

class SchedulerSubmit : public SchedulerFixture {
 protected:
  void submit_chosen(model::TaskRow task, std::optional<model::TaskRow> known = std::nullopt) {
    apply(Submit{client(), {Submission{std::move(task), nullptr, true, std::move(known)}}, false});
  }
  Accepted accepted() const {
    const auto found = answers<Accepted>();
    EXPECT_EQ(found.size(), 1U);
    return found.empty() ? Accepted{} : found.front();
  }
  ErrorCode refused() const {
    const auto found = answers<Error>();
    EXPECT_EQ(found.size(), 1U);
    return found.empty() ? ErrorCode::internal : found.front().code;
  }
};

TEST_F(SchedulerSubmit, IsStoredBeforeItIsAnsweredAndAssigned) {
  join(1);
  submit(1);
  EXPECT_EQ(accepted().tasks, (std::vector<Accepted::Item>{{task_id(1), TaskState::queued}}));
  const auto writes = std::get<Persist>(effects.at(place<Persist>()));
  EXPECT_FALSE(writes.lazy);
  EXPECT_TRUE(std::holds_alternative<model::InsertTask>(writes.writes.at(0)));
  EXPECT_LT(place<Persist>(), place<Reply>());
  EXPECT_LT(place<Reply>(), place<Send>());
  EXPECT_EQ(assigned().lease.id, task_id(1));
  EXPECT_EQ(counted(Counter::submitted), 1U);
}

TEST_F(SchedulerSubmit, ALeaseRowIsLazy) {
  join(1);
  submit(1);
  const auto persists = all<Persist>();
  ASSERT_EQ(persists.size(), 2U);
  EXPECT_TRUE(persists[1].lazy);
  const auto& update = std::get<model::UpdateTask>(persists[1].writes.at(0));
  EXPECT_EQ(update.row.state, TaskState::running);
  EXPECT_EQ(update.row.attempt, 1U);
  EXPECT_EQ(update.row.worker, "w1");
}

TEST_F(SchedulerSubmit, GivesRisingSeqs) {
  submit(1);
  submit(2);
  EXPECT_LT(task(1).seq, task(2).seq);
}

TEST_F(SchedulerSubmit, TheSameChosenIdAndBodyIsTheSameTask) {
  submit_chosen(row(1));
  submit_chosen(row(1));
  EXPECT_EQ(accepted().tasks, (std::vector<Accepted::Item>{{task_id(1), TaskState::queued}}));
  EXPECT_TRUE(all<Persist>().empty());
  EXPECT_EQ(scheduler.live_tasks(), 1U);
}

TEST_F(SchedulerSubmit, AChosenIdWithAnotherBodyIsAConflict) {
  submit_chosen(row(1));
  model::TaskRow other = row(1);
  other.body_hash[1] = 9;
  submit_chosen(other);
  EXPECT_EQ(refused(), ErrorCode::conflict);
}

TEST_F(SchedulerSubmit, AnIdOfAnotherTenantIsAConflict) {
  submit_chosen(row(1));
  model::TaskRow other = row(1);
  other.tenant = "other";
  submit_chosen(other);
  EXPECT_EQ(refused(), ErrorCode::conflict);
}

TEST_F(SchedulerSubmit, AKnownEndedTaskIsAnsweredWithItsState) {
  model::TaskRow ended = row(1);
  ended.state = TaskState::failed;
  submit_chosen(row(1), ended);
  EXPECT_EQ(accepted().tasks, (std::vector<Accepted::Item>{{task_id(1), TaskState::failed}}));
  EXPECT_EQ(scheduler.live_tasks(), 0U);
  ended.body_hash[1] = 9;
  submit_chosen(row(1), ended);
  EXPECT_EQ(refused(), ErrorCode::conflict);
}

TEST_F(SchedulerSubmit, ABatchIsOneCommitAndOneAnswer) {
  Submit batch{client(), {}, false};
  for (const uint8_t n : std::initializer_list<uint8_t>{3, 1, 2})
    batch.tasks.push_back({row(n), nullptr, false, std::nullopt});
  apply(batch);
  EXPECT_EQ(all<Persist>().size(), 1U);
  EXPECT_EQ(all<Persist>().front().writes.size(), 3U);
  ASSERT_EQ(accepted().tasks.size(), 3U);
  EXPECT_EQ(accepted().tasks[0].id, task_id(3));
}

TEST_F(SchedulerSubmit, ABatchWithOneConflictTakesNothing) {
  submit_chosen(row(2));
  Submit batch{client(), {}, false};
  for (const uint8_t n : std::initializer_list<uint8_t>{1, 2}) {
    model::TaskRow task = row(n);
    task.body_hash[1] = 9;
    batch.tasks.push_back({task, nullptr, true, std::nullopt});
  }
  apply(batch);
  EXPECT_EQ(refused(), ErrorCode::conflict);
  EXPECT_EQ(scheduler.live_tasks(), 1U);
}

TEST_F(SchedulerSubmit, ABatchMayNameATaskTwiceIfItIsTheSame) {
  Submit batch{client(), {}, false};
  for (int i = 0; i < 2; ++i) batch.tasks.push_back({row(1), nullptr, true, std::nullopt});
  apply(batch);
  EXPECT_EQ(accepted().tasks.size(), 2U);
  EXPECT_EQ(scheduler.live_tasks(), 1U);
  batch.tasks[1].row.body_hash[1] = 9;
  batch.tasks[0].row.id = batch.tasks[1].row.id = task_id(7);
  apply(batch);
  EXPECT_EQ(refused(), ErrorCode::conflict);
}

TEST_F(SchedulerSubmit, IsBusyAboveTheBound) {
  options.max_live_tasks = 2;
  scheduler = Scheduler(options, Random(1));
  submit(1);
  submit(2);
  submit(3);
  EXPECT_EQ(refused(), ErrorCode::busy);
  EXPECT_EQ(scheduler.live_tasks(), 2U);
}

TEST_F(SchedulerSubmit, WatchesFromTheStart) {
  join(1);
  apply(Submit{client(), {{row(1), nullptr, false, std::nullopt}}, true});
  EXPECT_TRUE(assigned().watch);
  ASSERT_EQ(all<Publish>().size(), 2U);
  EXPECT_TRUE(std::holds_alternative<Watch>(all<Publish>()[0].news));
  EXPECT_TRUE(std::holds_alternative<AttemptStarted>(all<Publish>()[1].news));
}

}  // namespace
}  // namespace kiln::core
