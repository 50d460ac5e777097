#include "tests/core/scheduler_fixture.h"

namespace kiln::core {
namespace {

using model::Assign;
using model::Fenced;
using model::FinishedOk;
using model::LeaseRef;
using model::TaskState;
using model::Verdict;

class SchedulerLease : public SchedulerFixture {
 protected:
  // Task 1 runs on worker 1.
  LeaseRef run_one() {
    join(1);
    submit(1);
    const LeaseRef lease = assigned().lease;
    say(1, model::Started{lease});
    return lease;
  }
};

TEST_F(SchedulerLease, AFinishIsCommittedBeforeItIsTold) {
  const LeaseRef lease = run_one();
  apply(QueryResult{client(5), task_id(1), 10 * kSecond});
  EXPECT_TRUE(all<Reply>().empty());
  finish(1, lease);
  ASSERT_EQ(all<Persist>().size(), 1U);
  const model::Writes writes = all<Persist>()[0].writes;
  ASSERT_EQ(writes.size(), 3U);
  EXPECT_EQ(std::get<model::UpdateTask>(writes[0]).row.state, TaskState::succeeded);
  EXPECT_EQ(*std::get<model::PutResult>(writes[1]).result, "result");
  EXPECT_EQ(place<Persist>(), 0U);
  EXPECT_EQ(sent<FinishedOk>(), std::vector{FinishedOk{lease}});
  ASSERT_EQ(answers<FromStore>().size(), 1U);
  EXPECT_EQ(answers<FromStore>()[0].what, FromStore::What::result);
  EXPECT_TRUE(std::holds_alternative<TaskEnded>(all<Publish>().at(0).news));
}

TEST_F(SchedulerLease, AnEndedTaskIsForgottenOnceCommitted) {
  finish(1, run_one());
  EXPECT_EQ(scheduler.live_tasks(), 1U);
  scheduler.committed(1);
  EXPECT_EQ(scheduler.live_tasks(), 1U);
  scheduler.committed(2);
  EXPECT_EQ(scheduler.live_tasks(), 0U);
}

TEST_F(SchedulerLease, AResultSentAgainBeforeTheCommitIsConfirmed) {
  const LeaseRef lease = run_one();
  finish(1, lease);
  finish(1, lease);
  EXPECT_EQ(sent<FinishedOk>().size(), 1U);
  EXPECT_TRUE(all<Persist>().empty());
}

TEST_F(SchedulerLease, AResultUnderAnOldEpochIsFencedAndCounted) {
  const LeaseRef lease = run_one();
  for (const uint64_t wrong : {lease.epoch.counter - 1, lease.epoch.counter + 1}) {
    const LeaseRef other{lease.id, {lease.epoch.boot, wrong}};
    finish(1, other);
    EXPECT_EQ(sent<Fenced>(), std::vector{Fenced{other}});
    EXPECT_EQ(counted(Counter::stale_results), 1U);
  }
  EXPECT_EQ(task(1).state, TaskState::running);
}

TEST_F(SchedulerLease, AWorkerCannotFinishAnothersLease) {
  const LeaseRef lease = run_one();
  join(2);
  finish(2, lease);
  EXPECT_EQ(sent<Fenced>().size(), 1U);
  EXPECT_EQ(task(1).state, TaskState::running);
}

TEST_F(SchedulerLease, TheNextTaskComesWithTheFinish) {
  const LeaseRef lease = run_one();
  submit(2);
  EXPECT_TRUE(sent<Assign>().empty());
  finish(1, lease);
  EXPECT_EQ(assigned().lease.id, task_id(2));
  EXPECT_GT(assigned().lease.epoch, lease.epoch);
}

TEST_F(SchedulerLease, CreditBoundsTheLeases) {
  model::Hello greeting = hello(1, 2);
  say(1, greeting);
  for (uint8_t n = 1; n <= 5; ++n) submit(n);
  apply(QueryWorkers{client()});
  EXPECT_EQ(answers<std::vector<WorkerView>>().at(0).at(0).leases, 2U);
  say(1, model::Credit{4});
  EXPECT_EQ(sent<Assign>().size(), 2U);
  say(1, model::Credit{100});  // more than a prefetch of one a slot is not used
  EXPECT_TRUE(sent<Assign>().empty());
}

TEST_F(SchedulerLease, TheFreestWorkerIsChosen) {
  join(1, 2);
  join(2, 3);
  submit(1);
  EXPECT_EQ(all<Send>().at(0).worker, worker_id(2));
}

TEST_F(SchedulerLease, OnlyAWorkerThatServesItGetsTheTask) {
  model::Hello greeting = hello(1);
  greeting.queues = {"other"};
  say(1, greeting);
  submit(1);
  EXPECT_TRUE(sent<Assign>().empty());
  EXPECT_EQ(status(1).waiting, "no worker with python serves the queue default");
  greeting = hello(2);
  greeting.languages = {{"bash", "5"}};
  say(2, greeting);
  EXPECT_TRUE(sent<Assign>().empty());
  join(3);
  EXPECT_EQ(assigned().lease.id, task_id(1));
}

TEST_F(SchedulerLease, HigherPriorityFirstThenFirstInFirstOut) {
  for (const auto& [n, priority] : {std::pair{1, 5}, {2, 5}, {3, 9}, {4, 0}}) {
    model::TaskRow task = row(static_cast<uint8_t>(n));
    task.priority = priority;
    submit(task);
  }
  join(1, 4);
  std::vector<TaskId> order;
  for (const Assign& assign : sent<Assign>()) order.push_back(assign.lease.id);
  EXPECT_EQ(order, (std::vector{task_id(3), task_id(1), task_id(2), task_id(4)}));
}

TEST_F(SchedulerLease, ASilentWorkerLosesItsLeases) {
  const LeaseRef lease = run_one();
  pass(2 * kSecond);
  EXPECT_EQ(task(1).state, TaskState::running);
  pass(kSecond);
  EXPECT_EQ(task(1).state, TaskState::queued);
  EXPECT_EQ(task(1).losses, 1U);
  EXPECT_EQ(task(1).retries_used, 0U);
  EXPECT_FALSE(all<Persist>().at(0).lazy);
  EXPECT_EQ(counted(Counter::leases_expired), 1U);
  join(2);
  EXPECT_EQ(assigned().attempt, 2U);
  finish(1, lease);
  EXPECT_EQ(sent<model::HelloFirst>().size(), 1U);
}

TEST_F(SchedulerLease, AWaitIsToldOnceFromSubmissionOrDueTimeToStart) {
  submit(1);
  pass(2 * kSecond);
  join(1);
  say(1, model::Started{assigned().lease});
  ASSERT_EQ(all<Waited>().size(), 1U);
  EXPECT_EQ(all<Waited>()[0].waited, now.wall - task(1).submitted_at);
  EXPECT_EQ(all<Waited>()[0].queue, "default");
  pass(3 * kSecond);  // the worker is lost, and has waited for nothing new
  ASSERT_EQ(all<WorkerGone>().size(), 1U);
  EXPECT_TRUE(all<WorkerGone>()[0].lost);
  join(2);
  say(2, model::Started{assigned().lease});
  EXPECT_TRUE(all<Waited>().empty());
}

TEST_F(SchedulerLease, AnAttemptIsToldBehindTheCommitOfItsResult) {
  finish(1, run_one());
  ASSERT_EQ(all<AttemptEnded>().size(), 1U);
  EXPECT_EQ(all<AttemptEnded>()[0].id, task_id(1));
  EXPECT_EQ(all<AttemptEnded>()[0].attempt, 1U);
  EXPECT_EQ(all<AttemptEnded>()[0].verdict, Verdict::ok);
  EXPECT_LT(place<Persist>(), place<AttemptEnded>());
}

TEST_F(SchedulerLease, HeartbeatsKeepALease) {
  run_one();
  pass_with(60 * kSecond, {1});
  EXPECT_EQ(sent<model::HeartbeatOk>().size(), 60U);
  EXPECT_EQ(task(1).state, TaskState::running);
}

TEST_F(SchedulerLease, JumpsOfTheWallClockChangeNothing) {
  run_one();
  now.wall += std::chrono::hours(1000);
  pass(kSecond);
  now.wall -= std::chrono::hours(3000);
  pass(kSecond);
  EXPECT_EQ(task(1).state, TaskState::running);
}

TEST_F(SchedulerLease, TheThirdLossIsPoison) {
  submit(1);
  for (uint8_t worker = 1; worker <= 3; ++worker) {
    join(worker);
    EXPECT_EQ(assigned().attempt, worker);
    pass(3 * kSecond);
  }
  const model::Writes writes = all<Persist>().at(0).writes;
  const auto& update = std::get<model::UpdateTask>(writes.at(0));
  EXPECT_EQ(update.row.state, TaskState::dead);
  EXPECT_EQ(update.row.verdict, Verdict::none);
  const auto& event = std::get<model::AddEvent>(writes.at(1)).event;
  EXPECT_EQ(event.note.substr(0, 6), "poison");
  apply(QueryQueues{client()});
  EXPECT_EQ(answers<std::vector<QueueView>>().at(0).at(0).dead_letters, 1U);
}

TEST_F(SchedulerLease, AnUnreachableWorkerGetsHalfASecond) {
  run_one();
  join(2);
  apply(WorkerUnreachable{worker_id(1)});
  EXPECT_EQ(*scheduler.next_deadline(), now.mono + options.unreachable_grace);
  pass(kSecond / 4);
  EXPECT_TRUE(sent<Assign>().empty());
  pass(kSecond / 4);
  EXPECT_EQ(all<Send>().at(0).worker, worker_id(2));
}

TEST_F(SchedulerLease, AnUnreachableWorkerThatSaysHelloKeepsItsLeases) {
  const LeaseRef lease = run_one();
  apply(WorkerUnreachable{worker_id(1)});
  say(1, model::Heartbeat{});
  EXPECT_EQ(sent<model::HelloFirst>().size(), 1U);
  model::Hello again = hello(1);
  again.leases = {lease};
  say(1, again);
  pass(2 * kSecond);
  EXPECT_EQ(task(1).state, TaskState::running);
}

TEST_F(SchedulerLease, GoodbyeGivesUpWhatIsHeld) {
  run_one();
  say(1, model::Goodbye{});
  EXPECT_EQ(task(1).state, TaskState::queued);
  say(1, model::Heartbeat{});
  EXPECT_EQ(sent<model::HelloFirst>().size(), 1U);
}

TEST_F(SchedulerLease, WhatNeverStartedIsNotLostByAGoodbye) {
  join(1);
  submit(1);
  ASSERT_EQ(assigned().attempt, 1U);
  say(1, model::Goodbye{});
  EXPECT_EQ(task(1).attempt, 0U);
  EXPECT_EQ(task(1).losses, 0U);
  join(2);
  EXPECT_EQ(assigned().attempt, 1U);
}

TEST_F(SchedulerLease, WhatIsReturnedGoesToAnotherThatIsIdle) {
  join(1, 2);
  submit(1);
  const LeaseRef lease = assigned().lease;
  join(2);
  say(1, model::Returned{lease});
  ASSERT_EQ(all<Send>().size(), 1U);
  EXPECT_EQ(all<Send>().front().worker, worker_id(2));
}

// A task that no earlier broker can have leased is not there to be claimed.
TEST_F(SchedulerLease, AClaimOfAnEarlierBootForATaskOfThisOneIsRefused) {
  options.boot = 2;
  restart(2, {});
  submit(1);
  model::Hello liar = hello(1);
  liar.leases = {{task_id(1), {1, 1'000}}};
  say(1, liar);
  ASSERT_EQ(sent<model::Fenced>().size(), 1U);
  EXPECT_EQ(assigned().lease.epoch.boot, 2U);
}

TEST_F(SchedulerLease, ARefusalCountsNoAttemptAndRestsTheWorker) {
  join(1);
  submit(1);
  const LeaseRef lease = assigned().lease;
  say(1, model::Refused{lease, "no"});
  EXPECT_EQ(task(1).state, TaskState::queued);
  EXPECT_EQ(task(1).attempt, 0U);
  EXPECT_TRUE(sent<Assign>().empty());
  EXPECT_EQ(counted(Counter::refused_leases), 1U);
  pass(kSecond);
  EXPECT_EQ(assigned().attempt, 1U);
}

TEST_F(SchedulerLease, WhatIsGivenBackCountsNoAttempt) {
  join(1);
  submit(1);
  const LeaseRef lease = assigned().lease;
  say(1, model::Credit{0});
  say(1, model::Returned{lease});
  EXPECT_EQ(task(1).attempt, 0U);
  EXPECT_EQ(status(1).waiting, "the workers that could run it are leaving");
  join(2);
  EXPECT_EQ(assigned().attempt, 1U);
}

TEST_F(SchedulerLease, AnAssignmentThatDoesNotStartIsRecalled) {
  join(1);
  submit(1);
  const LeaseRef lease = assigned().lease;
  pass_with(3 * kSecond, {1});
  EXPECT_EQ(sent<model::Recall>(), std::vector{model::Recall{lease}});
  say(1, model::Started{lease});
  pass_with(9 * kSecond, {1});
  EXPECT_TRUE(sent<model::Recall>().empty());
}

// --- hello

TEST_F(SchedulerLease, AHelloThatClaimsItsLeaseKeepsIt) {
  const LeaseRef lease = run_one();
  model::Hello again = hello(1);
  again.leases = {lease};
  say(1, again);
  EXPECT_EQ(sent<model::Welcome>().at(0).boot, 1U);
  EXPECT_TRUE(sent<Fenced>().empty());
  EXPECT_EQ(task(1).attempt, 1U);
}

TEST_F(SchedulerLease, AHelloWithoutAnUnstartedLeaseGetsItAgain) {
  join(1);
  submit(1);
  const LeaseRef first = assigned().lease;
  join(1);
  EXPECT_EQ(sent<Fenced>(), std::vector{Fenced{first}});
  EXPECT_EQ(assigned().attempt, 1U);
  EXPECT_EQ(task(1).losses, 0U);
}

TEST_F(SchedulerLease, AHelloWithoutAStartedLeaseLosesIt) {
  run_one();
  join(1);
  EXPECT_EQ(task(1).losses, 1U);
  EXPECT_EQ(assigned().attempt, 2U);
}

TEST_F(SchedulerLease, ACameBackWorkerIsFencedFromWhatOthersHave) {
  const LeaseRef lease = run_one();
  pass(3 * kSecond);
  join(2);
  model::Hello again = hello(1);
  again.leases = {lease};
  say(1, again);
  EXPECT_EQ(sent<Fenced>(), std::vector{Fenced{lease}});
}

// --- after a restart of the broker

TEST_F(SchedulerLease, ARestartKeepsClaimedLeases) {
  const LeaseRef lease = run_one();
  const model::TaskRow stored = task(1);
  restart(2, {stored});
  pass(2 * kSecond);
  model::Hello again = hello(1);
  again.leases = {lease};
  say(1, again);
  pass_with(10 * kSecond, {1});
  EXPECT_EQ(task(1).state, TaskState::running);
  EXPECT_EQ(task(1).attempt, 1U);
  finish(1, lease);
  EXPECT_EQ(sent<FinishedOk>().size(), 1U);
}

TEST_F(SchedulerLease, ARestartGivesNoLeaseToAWorkerOfAnotherName) {
  const LeaseRef lease = run_one();
  restart(2, {task(1)});
  model::Hello other = hello(2);
  other.leases = {lease};
  say(2, other);
  EXPECT_EQ(sent<Fenced>(), std::vector{Fenced{lease}});
  finish(2, lease);
  EXPECT_EQ(sent<Fenced>(), std::vector{Fenced{lease}});
  EXPECT_EQ(task(1).state, TaskState::running);
}

TEST_F(SchedulerLease, ARestartGivesUnclaimedLeasesOneWindow) {
  run_one();
  restart(2, {task(1)});
  join(2);
  EXPECT_TRUE(sent<Assign>().empty());
  pass_with(2 * kSecond, {2});
  EXPECT_EQ(status(1).waiting, "its worker has not come back since the broker started");
  pass_with(kSecond, {2});
  EXPECT_EQ(assigned().attempt, 2U);
  EXPECT_EQ(assigned().lease.epoch.boot, 2U);
  EXPECT_EQ(task(1).losses, 1U);
}

TEST_F(SchedulerLease, ALeaseWhoseRowWasNotWrittenIsAdopted) {
  submit(1);
  const model::TaskRow stored = task(1);  // queued
  join(1);
  const LeaseRef lease = assigned().lease;
  restart(2, {stored});
  model::Hello again = hello(1);
  again.results = {lease};
  say(1, again);
  EXPECT_EQ(task(1).state, TaskState::running);
  EXPECT_EQ(task(1).attempt, 1U);
  EXPECT_EQ(task(1).epoch, lease.epoch);
  finish(1, lease);
  EXPECT_EQ(sent<FinishedOk>().size(), 1U);
}

TEST_F(SchedulerLease, TheHighestEpochWins) {
  model::TaskRow stored = row(1);
  stored.state = TaskState::running;
  stored.attempt = 1;
  stored.epoch = {1, 5};
  stored.seq = 1;
  stored.worker = "w1";
  restart(2, {stored});
  model::Hello low = hello(1);
  low.leases = {{task_id(1), {1, 5}}};
  say(1, low);
  EXPECT_TRUE(sent<Fenced>().empty());
  model::Hello high = hello(2);
  high.leases = {{task_id(1), {1, 9}}};
  say(2, high);
  ASSERT_EQ(sent<Fenced>().size(), 1U);
  EXPECT_EQ(sent<Fenced>()[0].lease, low.leases[0]);
  finish(1, low.leases[0]);
  EXPECT_EQ(sent<FinishedOk>().size(), 0U);
  finish(2, high.leases[0]);
  EXPECT_EQ(sent<FinishedOk>().size(), 1U);
}

TEST_F(SchedulerLease, AClaimFromTheFutureIsFenced) {
  submit(1);
  model::Hello forged = hello(1, 0);
  forged.leases = {{task_id(1), {7, 1}}, {task_id(9), {0, 1}}};
  say(1, forged);
  EXPECT_EQ(sent<Fenced>().size(), 2U);
  EXPECT_EQ(task(1).state, TaskState::queued);
}

// --- retries

TEST_F(SchedulerLease, ATimeoutIsRetriedAfterItsBackoff) {
  const LeaseRef lease = run_one();
  finish(1, lease, Verdict::wall_timeout);
  EXPECT_EQ(task(1).state, TaskState::retrying);
  EXPECT_EQ(task(1).retries_used, 1U);
  ASSERT_EQ(all<Schedule>().size(), 1U);
  const Schedule schedule = all<Schedule>()[0];
  EXPECT_EQ(schedule.version, task(1).version);
  EXPECT_NEAR(static_cast<double>((schedule.due - now.wall).count()), 5e6, 0.5e6);
  EXPECT_LT(place<Persist>(), place<Send>());
  EXPECT_EQ(sent<FinishedOk>().size(), 1U);
  pass_with(6 * kSecond, {1});
  apply(Due{task_id(1), schedule.version - 1});
  EXPECT_TRUE(sent<Assign>().empty());
  apply(Due{task_id(1), schedule.version});
  EXPECT_EQ(assigned().attempt, 2U);
  apply(Due{task_id(1), schedule.version});
  EXPECT_TRUE(effects.empty());
}

TEST_F(SchedulerLease, ADueTimeThatIsNotThereYetIsScheduledAgain) {
  finish(1, run_one(), Verdict::wall_timeout);
  apply(Due{task_id(1), task(1).version});
  EXPECT_EQ(all<Schedule>().size(), 1U);
  EXPECT_EQ(task(1).state, TaskState::retrying);
}

TEST_F(SchedulerLease, TheSecondCopyOfARetriedResultIsFenced) {
  const LeaseRef lease = run_one();
  finish(1, lease, Verdict::wall_timeout);
  finish(1, lease, Verdict::wall_timeout);
  EXPECT_EQ(sent<Fenced>().size(), 1U);
  EXPECT_EQ(task(1).retries_used, 1U);
}

TEST_F(SchedulerLease, AFailureThatAllowsNoRetryFails) {
  finish(1, run_one(), Verdict::nonzero_exit);
  EXPECT_EQ(task(1).state, TaskState::failed);
  EXPECT_EQ(task(1).verdict, Verdict::nonzero_exit);
}

}  // namespace
}  // namespace kiln::core
