#include <algorithm>

#include "tests/core/scheduler_fixture.h"

namespace kiln::core {
namespace {

using model::LeaseRef;
using model::TaskState;

class SchedulerQuery : public SchedulerFixture {
 protected:
  LeaseRef run_one() {
    join(1);
    submit(1);
    const LeaseRef lease = assigned().lease;
    say(1, model::Started{lease});
    return lease;
  }
  // The only answer of the last call.
  template <class B>
  B answer() const {
    const auto found = answers<B>();
    EXPECT_EQ(found.size(), 1U);
    return found.empty() ? B{} : found.front();
  }
  template <class N>
  std::vector<N> news() const {
    std::vector<N> found;
    for (const Publish& publish : all<Publish>()) {
      if (const auto* one = std::get_if<N>(&publish.news)) found.push_back(*one);
    }
    return found;
  }
};

// --- status and result

TEST_F(SchedulerQuery, StatusSaysWhyItWaits) {
  submit(1);
  submit(2);
  EXPECT_EQ(status(1).waiting, "no worker is connected");
  EXPECT_EQ(status(2).place, 1U);
  model::Hello bash_only = hello(1);
  bash_only.languages = {{"bash", "5"}};
  say(1, bash_only);
  EXPECT_EQ(status(1).waiting, "no worker has python");
  join(2);
  EXPECT_EQ(status(1).waiting, "it is on its way to worker w2");
  say(2, model::Started{{task_id(1), task(1).epoch}});
  EXPECT_EQ(status(1).waiting, "");
  EXPECT_EQ(status(1).row.started_at, now.wall);
  EXPECT_EQ(status(2).waiting, "no free slot");
  EXPECT_EQ(status(2).place, 0U);
}

TEST_F(SchedulerQuery, WhatIsNotLiveIsReadFromTheStore) {
  apply(QueryStatus{client(), task_id(9)});
  EXPECT_EQ(answer<FromStore>().what, FromStore::What::status);
  apply(QueryResult{client(), task_id(9), kSecond});
  EXPECT_EQ(answer<FromStore>().what, FromStore::What::result);
  apply(QueryList{client(), "q", std::nullopt, std::nullopt, 7});
  EXPECT_EQ(answer<FromStore>().what, FromStore::What::list);
  EXPECT_EQ(answer<FromStore>().list.limit, 7U);
}

TEST_F(SchedulerQuery, AnEndUnderWayIsReadFromTheStoreBehindIt) {
  finish(1, run_one());
  apply(QueryStatus{client(), task_id(1)});
  EXPECT_EQ(answer<FromStore>().id, task_id(1));
}

TEST_F(SchedulerQuery, AnotherTenantsTaskIsUnknown) {
  submit(1);
  const ClientRef stranger = client(1, "other");
  const std::vector<Command> asked = {
      QueryStatus{stranger, task_id(1)}, QueryResult{stranger, task_id(1), kSecond},
      CancelTask{stranger, task_id(1)}, Subscribe{stranger, task_id(1), 0}};
  for (const Command& command : asked) {
    apply(command);
    EXPECT_EQ(answer<Error>(), no_such_task(task_id(1)));
    EXPECT_TRUE(news<Watch>().empty());
  }
  EXPECT_EQ(task(1).state, TaskState::queued);
}

TEST_F(SchedulerQuery, AWaitEndsWithTheStateWhenItIsOver) {
  submit(1);
  apply(QueryResult{client(4), task_id(1), 2 * kSecond});
  EXPECT_TRUE(all<Reply>().empty());
  EXPECT_EQ(scheduler.next_deadline(), now.mono + 2 * kSecond);
  pass(2 * kSecond);
  EXPECT_EQ(answer<StatusView>().row.state, TaskState::queued);
  EXPECT_EQ(all<Reply>().at(0).client.rid, 4U);
  pass(2 * kSecond);
  EXPECT_TRUE(all<Reply>().empty());
}

TEST_F(SchedulerQuery, WithoutAWaitTheStateIsAnsweredAtOnce) {
  submit(1);
  apply(QueryResult{client(), task_id(1), Duration{0}});
  EXPECT_EQ(answer<StatusView>().row.id, task_id(1));
}

TEST_F(SchedulerQuery, WaitsAreBoundedAndEndWithTheirClient) {
  options.max_waiters_per_task = 1;
  scheduler = Scheduler(options, Random(1));
  submit(1);
  apply(QueryResult{client(1), task_id(1), kSecond});
  apply(QueryResult{client(2), task_id(1), kSecond});
  EXPECT_EQ(answer<Error>().code, ErrorCode::busy);
  EXPECT_EQ(scheduler.waiting_clients().size(), 1U);
  apply(ClientGone{"route"});
  EXPECT_TRUE(scheduler.waiting_clients().empty());
  ASSERT_EQ(news<Unwatch>().size(), 1U);
  EXPECT_FALSE(news<Unwatch>()[0].id);
}

TEST_F(SchedulerQuery, QueuesAndWorkersAreShown) {
  join(1);
  submit(1);
  submit(2);
  apply(QueryQueues{client()});
  const QueueView queue = answer<std::vector<QueueView>>().at(0);
  EXPECT_EQ(queue.queue, "default");
  EXPECT_EQ(queue.depth.at(static_cast<size_t>(TaskState::running)), 1U);
  EXPECT_EQ(queue.depth.at(static_cast<size_t>(TaskState::queued)), 1U);
  EXPECT_EQ(queue.oldest, task(2).submitted_at);
  apply(WorkerUnreachable{worker_id(1)});
  apply(QueryWorkers{client()});
  const WorkerView worker = answer<std::vector<WorkerView>>().at(0);
  EXPECT_EQ(worker.name, "w1");
  EXPECT_EQ(worker.leases, 1U);
  EXPECT_FALSE(worker.up);
}

TEST_F(SchedulerQuery, DeadLettersAreLoadedAndCounted) {
  scheduler.load_dead_letters("old", 3);
  apply(QueryQueues{client()});
  EXPECT_EQ(answer<std::vector<QueueView>>().at(0).dead_letters, 3U);
}

// --- cancel

TEST_F(SchedulerQuery, ACancelIsCommittedThenAnsweredThenKills) {
  const LeaseRef lease = run_one();
  apply(CancelTask{client(), task_id(1)});
  EXPECT_EQ(answer<Done>().state, TaskState::cancelled);
  ASSERT_EQ(all<Cancel>().size(), 1U);
  EXPECT_EQ(all<Cancel>()[0].lease, lease);
  EXPECT_EQ(place<Persist>(), 0U);
  EXPECT_LT(place<Reply>(), place<Cancel>());
  finish(1, lease);
  EXPECT_EQ(sent<model::Fenced>().size(), 1U);
}

TEST_F(SchedulerQuery, WhatWaitsCanBeCancelled) {
  submit(1);
  model::TaskRow later = row(2);
  later.due_at = now.wall + 60 * kSecond;
  submit(later);
  for (const uint8_t n : std::initializer_list<uint8_t>{1, 2}) {
    apply(CancelTask{client(), task_id(n)});
    EXPECT_EQ(answer<Done>().state, TaskState::cancelled);
    EXPECT_TRUE(all<Cancel>().empty());
  }
  join(1);
  EXPECT_TRUE(sent<model::Assign>().empty());
  apply(CancelTask{client(), task_id(1)});
  EXPECT_EQ(answer<FromStore>().what, FromStore::What::status);
}

TEST_F(SchedulerQuery, ARetryingTaskCanBeCancelled) {
  finish(1, run_one(), model::Verdict::wall_timeout);
  const uint64_t version = task(1).version;
  apply(CancelTask{client(), task_id(1)});
  EXPECT_EQ(task(1).state, TaskState::cancelled);
  now.wall += 60 * kSecond;
  apply(Due{task_id(1), version});
  EXPECT_TRUE(effects.empty());
}

TEST_F(SchedulerQuery, AnUnclaimedTaskCanBeCancelled) {
  const LeaseRef lease = run_one();
  restart(2, {task(1)});
  apply(CancelTask{client(), task_id(1)});
  EXPECT_TRUE(all<Cancel>().empty());
  model::Hello again = hello(1);
  again.leases = {lease};
  say(1, again);
  EXPECT_EQ(sent<model::Fenced>().size(), 1U);
}

// --- due times and expiry

TEST_F(SchedulerQuery, AScheduledTaskStartsWhenItIsDue) {
  join(1);
  model::TaskRow later = row(1);
  later.due_at = now.wall + 60 * kSecond;
  submit(later);
  EXPECT_EQ(task(1).state, TaskState::scheduled);
  EXPECT_EQ(status(1).waiting.substr(0, 19), "it is scheduled for");
  submit(2);
  EXPECT_EQ(assigned().lease.id, task_id(2));
  now.wall += 60 * kSecond;
  apply(Due{task_id(1), task(1).version});
  EXPECT_EQ(task(1).state, TaskState::queued);
  finish(1, {task_id(2), task(2).epoch});
  EXPECT_EQ(assigned().lease.id, task_id(1));
}

TEST_F(SchedulerQuery, ADueTimeInThePastIsNow) {
  join(1);
  model::TaskRow task = row(1);
  task.due_at = now.wall;
  submit(task);
  EXPECT_EQ(assigned().attempt, 1U);
}

TEST_F(SchedulerQuery, WhatWaitsIsScheduledAgainAfterALoad) {
  model::TaskRow later = row(1);
  later.due_at = now.wall + 60 * kSecond;
  submit(later);
  restart(2, {task(1)});
  ASSERT_EQ(all<Schedule>().size(), 1U);
  EXPECT_EQ(all<Schedule>()[0].due, later.due_at);
  EXPECT_EQ(scheduler.schedules().size(), 1U);
}

TEST_F(SchedulerQuery, AnUnstartedTaskExpires) {
  model::TaskRow task = row(1);
  task.expires_at = now.wall + 5 * kSecond;
  submit(task);
  pass(4 * kSecond);
  EXPECT_TRUE(effects.empty());
  EXPECT_LE(*scheduler.next_deadline(), now.mono + options.tick);
  pass(kSecond);
  ASSERT_EQ(news<TaskEnded>().size(), 1U);
  EXPECT_EQ(news<TaskEnded>()[0].row.state, TaskState::expired);
}

TEST_F(SchedulerQuery, AnExpiredTaskIsNeverStarted) {
  model::TaskRow task = row(1);
  task.expires_at = now.wall + 5 * kSecond;
  submit(task);
  now.wall += 5 * kSecond;
  join(1);
  EXPECT_TRUE(sent<model::Assign>().empty());
  EXPECT_EQ(news<TaskEnded>().size(), 1U);
}

TEST_F(SchedulerQuery, AStartedTaskDoesNotExpire) {
  join(1);
  model::TaskRow one = row(1);
  one.expires_at = now.wall + kSecond;
  submit(one);
  say(1, model::Started{assigned().lease});
  pass(2 * kSecond);
  EXPECT_EQ(task(1).state, TaskState::running);
  pass(kSecond);  // the worker is lost
  EXPECT_EQ(task(1).state, TaskState::queued);
}

TEST_F(SchedulerQuery, WhatIsGivenBackUnstartedMayStillExpire) {
  join(1);
  model::TaskRow one = row(1);
  one.expires_at = now.wall + 2 * kSecond;
  submit(one);
  const LeaseRef lease = assigned().lease;
  say(1, model::Credit{0});
  say(1, model::Returned{lease});
  pass(2 * kSecond);
  EXPECT_EQ(news<TaskEnded>().size(), 1U);
}

// --- live output

TEST_F(SchedulerQuery, SubscribingToARunningTaskAsksItsWorker) {
  const LeaseRef lease = run_one();
  apply(Subscribe{client(), task_id(1), 12});
  EXPECT_EQ(answer<StatusView>().row.id, task_id(1));
  ASSERT_EQ(news<Watch>().size(), 1U);
  EXPECT_EQ(news<Watch>()[0].offset, 12U);
  EXPECT_EQ(news<AttemptStarted>().size(), 1U);
  EXPECT_EQ(sent<model::WatchLease>(), std::vector{model::WatchLease{lease}});
  apply(Subscribe{client(2), task_id(1), 0});
  EXPECT_TRUE(sent<model::WatchLease>().empty());
}

TEST_F(SchedulerQuery, TheLastWatcherGoneStopsTheOutput) {
  const LeaseRef lease = run_one();
  apply(Subscribe{client(), task_id(1), 0});
  const uint64_t seen = news<Watch>().at(0).serial;
  apply(Unsubscribe{client(), task_id(1)});
  EXPECT_EQ(news<Unwatch>().size(), 1U);
  EXPECT_EQ(answer<Done>().state, TaskState::running);
  apply(Subscribe{client(2), task_id(1), 0});
  apply(Unwatched{task_id(1), seen});  // said before the second watch arrived
  EXPECT_TRUE(sent<model::UnwatchLease>().empty());
  apply(Unwatched{task_id(1)});
  EXPECT_EQ(sent<model::UnwatchLease>(), std::vector{model::UnwatchLease{lease}});
}

TEST_F(SchedulerQuery, AQueuedTaskIsWatchedFromItsStart) {
  submit(1);
  apply(Subscribe{client(), task_id(1), 0});
  join(1);
  EXPECT_TRUE(assigned().watch);
  EXPECT_EQ(news<AttemptStarted>().size(), 1U);
}

// --- size

// Each command stays quick, whatever waits: were one to look at every task, this would never end.
TEST_F(SchedulerQuery, ManyTasksMayWait) {
  constexpr size_t kBatches = 15;
  constexpr size_t kEach = 10'000;
  for (size_t b = 0; b < kBatches; ++b) {
    Submit batch{client(), {}, false};
    for (size_t i = 0; i < kEach; ++i) {
      model::TaskRow task = row(1);
      const uint64_t n = b * kEach + i;
      for (size_t k = 0; k < 8; ++k) task.id.bytes[8 + k] = static_cast<uint8_t>(n >> (8 * k));
      task.priority = static_cast<int>(n % 11);
      batch.tasks.push_back({std::move(task), nullptr, false, std::nullopt});
    }
    apply(std::move(batch));
  }
  EXPECT_EQ(scheduler.live_tasks(), kBatches * kEach);
  join(1);
  LeaseRef lease = assigned().lease;
  for (int i = 0; i < 10'000; ++i) {
    finish(1, lease);
    lease = assigned().lease;
  }
  EXPECT_EQ(scheduler.find(lease.id)->priority, 10);
}

}  // namespace
}  // namespace kiln::core
