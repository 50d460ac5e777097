// Retry and requeue, purge, queue settings, drain and ping.
#include <gmock/gmock.h>

#include "tests/core/scheduler_fixture.h"

namespace kiln::core {
namespace {

using model::Assign;
using model::TaskState;
using model::Verdict;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SchedulerAdmin : public SchedulerFixture {
 protected:
  model::LeaseRef run_one(uint8_t n = 1) {
    join(1);
    submit(n);
    return assigned().lease;
  }
  Error refused() const {
    const auto errors = answers<Error>();
    EXPECT_EQ(errors.size(), 1U);
    return errors.empty() ? Error{} : errors.front();
  }
  static model::TaskRow ended(uint8_t n, TaskState state) {
    model::TaskRow task = row(n);
    task.seq = n;
    task.state = state;
    return task;
  }
  static Resubmit resubmit(std::vector<model::TaskRow> olds, bool one = false) {
    Resubmit command{client(), {}, one};
    uint8_t n = 100;
    for (model::TaskRow& old : olds) {
      command.items.push_back({std::move(old), Submission{row(n++), nullptr, false, {}}});
    }
    return command;
  }
  uint64_t dead_letters() {
    apply(QueryQueues{client()});
    uint64_t sum = 0;
    const auto views = answers<std::vector<QueueView>>();
    for (const QueueView& view : views.front()) sum += view.dead_letters;
    return sum;
  }
  void set(SetQueue command) {
    command.client = client();
    command.queue = "default";
    apply(std::move(command));
  }
  void pause(bool paused) { set({{}, "", paused, {}, {}, {}, {}}); }
};

// --- retry

TEST_F(SchedulerAdmin, ARetryingTaskIsDueNow) {
  finish(1, run_one(), Verdict::wall_timeout);
  apply(RetryTask{client(), task_id(1)});
  EXPECT_EQ(answers<Done>().front().state, TaskState::queued);
  EXPECT_LT(place<Persist>(), place<Reply>());
  EXPECT_EQ(assigned().attempt, 2U);
}

TEST_F(SchedulerAdmin, ThereIsNothingToRetryInALiveTask) {
  submit(1);
  apply(RetryTask{client(), task_id(1)});
  EXPECT_EQ(refused().code, ErrorCode::conflict);
  apply(RetryTask{client(1, "other"), task_id(1)});
  EXPECT_EQ(refused().code, ErrorCode::not_found);
}

TEST_F(SchedulerAdmin, WhatHasEndedIsReadFromTheStore) {
  apply(RetryTask{client(), task_id(1)});
  EXPECT_EQ(answers<FromStore>().front().what, FromStore::What::retry);
}

TEST_F(SchedulerAdmin, ATaskThatEndedIsSubmittedAnew) {
  for (const TaskState state : {TaskState::failed, TaskState::cancelled, TaskState::expired}) {
    restart(1, {});
    apply(resubmit({ended(1, state)}, true));
    const Accepted::Item item = answers<Accepted>().front().tasks.front();
    EXPECT_EQ(item.id, task_id(100));
    EXPECT_EQ(item.origin, task_id(1));
    EXPECT_EQ(task(100).origin, task_id(1));
    EXPECT_EQ(task(100).state, TaskState::queued);
  }
}

TEST_F(SchedulerAdmin, WhatSucceededOrLivesIsNotSubmittedAnew) {
  for (const TaskState state : {TaskState::succeeded, TaskState::running}) {
    apply(resubmit({ended(1, state)}, true));
    EXPECT_EQ(refused().code, ErrorCode::conflict);
  }
}

// --- dead letters

TEST_F(SchedulerAdmin, ADeadTaskIsSubmittedAnewOnce) {
  scheduler.load_dead_letters("default", 2);
  apply(resubmit({ended(1, TaskState::dead), ended(2, TaskState::dead)}));
  EXPECT_THAT(answers<Accepted>().front().tasks, SizeIs(2));
  EXPECT_EQ(dead_letters(), 0U);
  // Read from the store before that was committed.
  apply(resubmit({ended(1, TaskState::dead)}));
  EXPECT_THAT(answers<Accepted>().front().tasks, IsEmpty());
  apply(resubmit({ended(1, TaskState::dead)}, true));
  EXPECT_THAT(refused().message, HasSubstr(to_string(task_id(100))));
  EXPECT_EQ(dead_letters(), 0U);
}

TEST_F(SchedulerAdmin, TheOldRowSaysAsWhat) {
  scheduler.load_dead_letters("default", 1);
  apply(resubmit({ended(1, TaskState::dead)}));
  std::optional<model::TaskRow> marked;
  for (const Persist& persist : all<Persist>()) {
    const auto* update = std::get_if<model::UpdateTask>(&persist.writes.front());
    if (update != nullptr && update->row.id == task_id(1)) marked = update->row;
  }
  ASSERT_TRUE(marked);
  EXPECT_EQ(marked->requeued_as, task_id(100));
  EXPECT_EQ(marked->version, 1U);
  EXPECT_LT(place<Persist>(), place<Reply>());
}

TEST_F(SchedulerAdmin, AnothersDeadLettersAreLeftAlone) {
  scheduler.load_dead_letters("default", 1);
  model::TaskRow other = ended(1, TaskState::dead);
  other.tenant = "other";
  apply(resubmit({other}));
  EXPECT_THAT(answers<Accepted>().front().tasks, IsEmpty());
  apply(PurgeDead{client(), {other}});
  EXPECT_EQ(answers<Counted>().front().count, 0U);
  ClientRef admin = client();
  admin.admin = true;
  apply(PurgeDead{admin, {other}});
  EXPECT_EQ(answers<Counted>().front().count, 1U);
}

TEST_F(SchedulerAdmin, APurgedLetterIsGone) {
  scheduler.load_dead_letters("default", 1);
  apply(PurgeDead{client(), {ended(1, TaskState::dead), ended(2, TaskState::failed)}});
  EXPECT_EQ(answers<Counted>().front().count, 1U);
  const auto persists = all<Persist>();
  const auto* gone = std::get_if<model::DeleteTask>(&persists.front().writes.front());
  ASSERT_NE(gone, nullptr);
  EXPECT_EQ(gone->id, task_id(1));
  apply(resubmit({ended(1, TaskState::dead)}, true));
  EXPECT_EQ(refused().code, ErrorCode::not_found);
}

// --- queues

TEST_F(SchedulerAdmin, APausedQueueAcceptsAndStartsNothing) {
  join(1);
  pause(true);
  EXPECT_TRUE(answers<std::vector<QueueView>>().front().front().paused);
  EXPECT_LT(place<Persist>(), place<Reply>());
  submit(1);
  EXPECT_THAT(sent<Assign>(), IsEmpty());
  EXPECT_EQ(status(1).waiting, "its queue is paused");
  pause(false);
  EXPECT_EQ(assigned().lease.id, task_id(1));
}

TEST_F(SchedulerAdmin, WorkersGiveBackWhatTheyHaveNotStartedOfAPausedQueue) {
  const model::LeaseRef lease = run_one();
  pause(true);
  EXPECT_EQ(sent<model::Recall>().front().lease, lease);
  say(1, model::Returned{lease});
  pass_with(2 * kSecond, {1});
  EXPECT_EQ(task(1).state, TaskState::queued);
}

TEST_F(SchedulerAdmin, APauseOutlivesTheBroker) {
  options.boot = 2;
  scheduler = Scheduler(options, Random(2));
  model::QueueSettings settings;
  settings.queue = "default";
  settings.paused = true;
  scheduler.load_queue(settings);
  scheduler.finish_load(now);
  join(1);
  submit(1);
  EXPECT_THAT(sent<Assign>(), IsEmpty());
}

TEST_F(SchedulerAdmin, AQueueSaysWhatItsTasksLeaveOpen) {
  set({{}, "", {}, 7, 0b1, 250, true});
  Submission open{row(1), nullptr, false, {}};
  open.open = {true, true, true, true};
  Submission own{row(2), nullptr, false, {}};
  own.row.max_retries = 1;
  apply(Submit{client(), {open, own}, false});
  EXPECT_EQ(task(1).max_retries, 7U);
  EXPECT_EQ(task(1).retry_on, 0b1U);
  EXPECT_EQ(task(1).retry_delay_ms, 250U);
  EXPECT_TRUE(task(1).full_jitter);
  EXPECT_EQ(task(2).max_retries, 1U);
  EXPECT_FALSE(task(2).full_jitter);
}

TEST_F(SchedulerAdmin, APurgedQueueKeepsWhatRuns) {
  const model::LeaseRef lease = run_one(1);
  submit(2);
  model::TaskRow later = row(3);
  later.due_at = now.wall + kSecond;
  submit(later);
  model::TaskRow other = row(4);
  other.queue = "other";
  submit(other);
  apply(PurgeQueue{client(), "default"});
  EXPECT_EQ(answers<Counted>().front().count, 2U);
  EXPECT_FALSE(answers<Counted>().front().more);
  EXPECT_EQ(task(1).state, TaskState::running);
  EXPECT_EQ(task(2).state, TaskState::cancelled);
  EXPECT_EQ(task(3).state, TaskState::cancelled);
  EXPECT_EQ(task(4).state, TaskState::queued);
  finish(1, lease);
  EXPECT_EQ(task(1).state, TaskState::succeeded);
}

// --- workers

TEST_F(SchedulerAdmin, ADrainedWorkerGetsNothingMore) {
  join(1);
  apply(DrainWorker{client(), "w1"});
  EXPECT_THAT(sent<model::Drain>(), SizeIs(1));
  EXPECT_TRUE(answers<std::vector<WorkerView>>().front().front().draining);
  submit(1);
  EXPECT_THAT(sent<Assign>(), IsEmpty());
  EXPECT_EQ(status(1).waiting, "the workers that could run it are leaving");
  apply(DrainWorker{client(), "nobody"});
  EXPECT_EQ(refused().code, ErrorCode::not_found);
}

TEST_F(SchedulerAdmin, APingIsAnsweredWhenTheWorkerAnswers) {
  join(1);
  apply(PingWorker{client(), to_string(worker_id(1))});
  EXPECT_THAT(all<Reply>(), IsEmpty());
  const uint64_t token = sent<model::Ping>().front().token;
  say(1, model::Pong{token + 1});
  EXPECT_THAT(all<Reply>(), IsEmpty());
  say(1, model::Pong{token});
  EXPECT_EQ(answers<std::vector<WorkerView>>().front().front().name, "w1");
}

TEST_F(SchedulerAdmin, APingHasItsTime) {
  join(1);
  apply(PingWorker{client(), "w1"});
  pass(kPingTime);
  EXPECT_EQ(refused().code, ErrorCode::unavailable);
}

// --- prefetched tasks

TEST_F(SchedulerAdmin, AnIdleWorkerGetsWhatAnotherHasNotStarted) {
  model::Hello eager = hello(1);
  eager.credit = 2;
  say(1, eager);
  submit(1);
  submit(2);
  ASSERT_EQ(task(2).state, TaskState::running);
  const model::LeaseRef second{task_id(2), task(2).epoch};
  say(1, model::Started{{task_id(1), task(1).epoch}});
  join(2);
  ASSERT_THAT(sent<model::Recall>(), SizeIs(1));
  EXPECT_EQ(sent<model::Recall>().front().lease, second);
  say(2, model::Credit{1});
  EXPECT_THAT(sent<model::Recall>(), IsEmpty()) << "it was asked for already";
  say(1, model::Returned{second});
  EXPECT_EQ(all<Send>().front().worker, worker_id(2));
  EXPECT_EQ(assigned().lease.id, task_id(2));
  EXPECT_EQ(assigned().attempt, 1U);
}

}  // namespace
}  // namespace kiln::core
