// The broker's actors together, from a client's request to a worker's result.
#include <gmock/gmock.h>

#include <gmock/gmock.h>

#include "tests/actors/broker_fixture.h"

namespace kiln::actors {
namespace {

using testing::HasSubstr;

TEST_F(BrokerTest, TakesATaskToAWorkerAndItsResultBack) {
  ScriptedWorker worker(broker_->workers_endpoint(), 1);
  worker.hello();
  const auto accepted = client_->request(submission("print('x')"));
  ASSERT_TRUE(accepted.ok()) << accepted.error().text();
  const TaskId id = accepted->task->id;
  const auto assign = worker.next<model::Assign>();
  ASSERT_TRUE(assign.has_value());
  EXPECT_EQ(assign->lease.id, id);
  EXPECT_EQ(net::decode_program(*assign->program)->code, "print('x')");
  worker.run(*assign, "x\n");
  EXPECT_TRUE(worker.next<model::FinishedOk>().has_value());
  const auto answer = client_->request(net::ResultOf{0, id, 10'000}, kPatience);
  ASSERT_TRUE(answer.ok()) << answer.error().text();
  EXPECT_EQ(answer->task->state, model::TaskState::succeeded);
  EXPECT_EQ(answer->result->out.bytes, "x\n");
}

TEST_F(BrokerTest, StreamsOutputThenTheEndToWhoWatches) {
  ScriptedWorker worker(broker_->workers_endpoint(), 1);
  worker.hello();
  ASSERT_TRUE(client_->request(submission("print('x')", true)).ok());
  const auto assign = worker.next<model::Assign>();
  ASSERT_TRUE(assign.has_value());
  EXPECT_TRUE(assign->watch);
  worker.run(*assign, "x\n");
  std::string output;
  std::optional<net::Event> end;
  while (!end) {
    auto event = client_->next_event(kPatience);
    ASSERT_TRUE(event.ok() && event->has_value());
    if ((*event)->kind == "output") output += (*event)->data;
    if ((*event)->kind == "end") end = **event;
  }
  EXPECT_EQ(output, "x\n") << "all of it, before the end";
  EXPECT_EQ(end->task->state, model::TaskState::succeeded);
}

TEST_F(BrokerTest, AnswersTheSameSubmissionOnceAndAnotherBodyWithConflict) {
  net::Submit submit = submission("print(1)");
  submit.task.id = TaskId{{5}};
  ASSERT_TRUE(client_->request(submit).ok());
  const auto again = client_->request(submit);
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_EQ(again->task->id, *submit.task.id);
  submit.task.program.code = "print(2)";
  const auto other = client_->request(submit);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, ErrorCode::conflict);
}

TEST_F(BrokerTest, ARefusedSubmissionDoesNotChangeTheProgramThatRuns) {
  net::Submit submit = submission("print('mine')");
  submit.task.id = TaskId{{5}};
  ASSERT_TRUE(client_->request(submit).ok());
  submit.task.program.code = "print('not mine')";
  ASSERT_FALSE(client_->request(submit).ok());
  ScriptedWorker worker(broker_->workers_endpoint(), 1);
  worker.hello();
  const auto assign = worker.next<model::Assign>();
  ASSERT_TRUE(assign.has_value());
  EXPECT_EQ(net::decode_program(*assign->program)->code, "print('mine')");
}

TEST_F(BrokerTest, TheLargestTaskThatIsAcceptedReachesAWorker) {
  net::Submit submit = submission("print(1)");
  submit.task.program.stdin_bytes.assign(model::kMaxStdinBytes, 'i');
  const auto add_file = [&](size_t size) {
    const std::string name = std::to_string(submit.task.program.files.size());
    submit.task.program.files.push_back({name, std::string(size, 'f')});
  };
  while (submit.task.program.files.size() < 127) add_file(model::kMaxInlineFileBytes);
  add_file(model::kMaxInlineFileBytes - 1'000);
  const auto refused = client_->request(submit, kPatience);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::too_large);
  submit.task.program.files.back().bytes.resize(model::kMaxInlineFileBytes - 10'000);
  ASSERT_TRUE(client_->request(submit, kPatience).ok());
  ScriptedWorker worker(broker_->workers_endpoint(), 1);
  worker.hello();
  EXPECT_TRUE(worker.next<model::Assign>().has_value());
}

TEST_F(BrokerTest, AResultThatCannotBeReadIsOurFailure) {
  ScriptedWorker worker(broker_->workers_endpoint(), 1);
  worker.hello();
  net::Submit submit = submission("print(1)");
  submit.task.wait = true;
  const auto accepted = client_->request(submit);
  ASSERT_TRUE(accepted.ok());
  const auto assign = worker.next<model::Assign>();
  ASSERT_TRUE(assign.has_value());
  worker.say(model::Finished{assign->lease, model::Verdict::ok,
                             std::make_shared<const std::string>("no result")});
  const auto answer = client_->request(net::ResultOf{0, accepted->task->id, 10'000}, kPatience);
  ASSERT_TRUE(answer.ok()) << answer.error().text();
  EXPECT_EQ(answer->task->state, model::TaskState::failed);
  EXPECT_EQ(answer->result->verdict, model::Verdict::infrastructure_error);
}

TEST_F(BrokerTest, KnowsARepeatedSubmissionAfterItsTaskEnded) {
  ScriptedWorker worker(broker_->workers_endpoint(), 1);
  worker.hello();
  net::Submit submit = submission("print(1)");
  submit.task.id = TaskId{{5}};
  ASSERT_TRUE(client_->request(submit).ok());
  worker.run(*worker.next<model::Assign>(), "1\n");
  ASSERT_TRUE(client_->request(net::ResultOf{0, *submit.task.id, 10'000}, kPatience).ok());
  const auto again = client_->request(submit);
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_EQ(again->task->state, model::TaskState::succeeded);
}

TEST_F(BrokerTest, AsksAStrangerForAHelloFirst) {
  ScriptedWorker worker(broker_->workers_endpoint(), 1);
  worker.say(model::Heartbeat{});
  EXPECT_TRUE(worker.next<model::HelloFirst>().has_value());
}

TEST_F(BrokerTest, CountsWhatWasDone) {
  ScriptedWorker worker(broker_->workers_endpoint(), 1);
  worker.hello();
  const auto accepted = client_->request(submission("print(1)"));
  ASSERT_TRUE(accepted.ok());
  worker.run(*worker.next<model::Assign>(), "1\n");
  ASSERT_TRUE(client_->request(net::ResultOf{0, accepted->task->id, 10'000}, kPatience).ok());
  // Counting is not waited for by the answer; the counters come a little later.
  const MonoTime deadline = real_now().mono + kPatience;
  const std::string finished =
      "kiln_tasks_finished_total{queue=\"default\",state=\"succeeded\",verdict=\"ok\"} 1\n";
  std::string text;
  while (text.find(finished) == std::string::npos && real_now().mono < deadline) {
    text = broker_->metrics();
  }
  EXPECT_THAT(text, HasSubstr(finished));
  EXPECT_THAT(text, HasSubstr("kiln_tasks_submitted_total{queue=\"default\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kiln_task_queue_wait_seconds_count{queue=\"default\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kiln_task_run_seconds_count{verdict=\"ok\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kiln_cache_requests_total{result=\"miss\"} 1\n"));
}

TEST_F(BrokerTest, KeepsAcknowledgedTasksOverARestart) {
  const auto accepted = client_->request(submission("print(1)"));
  ASSERT_TRUE(accepted.ok());
  client_.reset();
  broker_.reset();
  start();
  client_ = std::move(net::Client::connect(broker_->clients_endpoint())).value();
  const auto status = client_->request(net::StatusOf{0, accepted->task->id});
  ASSERT_TRUE(status.ok()) << status.error().text();
  EXPECT_EQ(status->task->state, model::TaskState::queued);
}

}  // namespace
}  // namespace kiln::actors
