// A store that stops committing: nothing is acknowledged, nothing acknowledged is lost, and the
// broker goes on by itself once the store works again.
#include "tests/actors/broker_fixture.h"

namespace kiln::actors {
namespace {

class StoreFailureTest : public BrokerTest, public testing::WithParamInterface<ErrorCode> {
 protected:
  void fail() { faults_->always(store::refuse(GetParam())); }
  void heal() { faults_->always(std::nullopt); }

  // Tries again while the broker says busy, as a client would.
  Result<net::Ok> submit_until_accepted(const net::Submit& submit) {
    const MonoTime deadline = real_now().mono + kPatience;
    while (true) {
      auto answer = client_->request(submit);
      const bool busy = !answer.ok() && answer.error().code == ErrorCode::busy;
      if (!busy || real_now().mono > deadline) return answer;
    }
  }
};

TEST_P(StoreFailureTest, AnswersBusyAndGoesOnWhenTheStoreDoes) {
  const auto before = client_->request(submission("print('before')"));
  ASSERT_TRUE(before.ok());
  fail();
  const auto refused = client_->request(submission("print('lost?')"), kPatience);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_GE(faults_->carried_out(), 1);
  heal();
  const auto after = submit_until_accepted(submission("print('after')"));
  ASSERT_TRUE(after.ok()) << after.error().text();
  for (const TaskId& id : {before->task->id, after->task->id}) {
    const auto status = client_->request(net::StatusOf{0, id});
    ASSERT_TRUE(status.ok()) << status.error().text();
    EXPECT_EQ(status->task->state, model::TaskState::queued);
  }
}

TEST_P(StoreFailureTest, TellsClientsThatWaitForAResult) {
  const auto accepted = client_->request(submission("print(1)"));
  ASSERT_TRUE(accepted.ok());
  const auto waiting = client_->post(net::ResultOf{0, accepted->task->id, 60'000});
  ASSERT_TRUE(waiting.ok());
  fail();
  EXPECT_FALSE(client_->request(submission("print(2)"), kPatience).ok());
  const auto answer = client_->answer(*waiting, kPatience);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::busy);
  heal();
}

TEST_P(StoreFailureTest, TakesAResultThatCouldNotBeStoredAfterTheNextHello) {
  ScriptedWorker worker(broker_->workers_endpoint(), 1);
  worker.hello();
  const auto accepted = client_->request(submission("print(1)"));
  ASSERT_TRUE(accepted.ok());
  const auto assign = worker.next<model::Assign>();
  ASSERT_TRUE(assign.has_value());
  // The grant's row is written lazily: the next commit, that of another task, carries it.
  ASSERT_TRUE(client_->request(submission("print(2)")).ok());
  fail();
  worker.run(*assign, "1\n");
  const MonoTime deadline = real_now().mono + kPatience;
  // Waits at the broker, which answers when it gives up what it could not store.
  const auto unstored = client_->request(net::ResultOf{0, accepted->task->id, 10'000}, kPatience);
  EXPECT_FALSE(unstored.ok()) << "an end that is not stored was told";
  ASSERT_GE(faults_->carried_out(), 1);
  heal();
  ASSERT_TRUE(submit_until_accepted(submission("print(3)")).ok());
  worker.hello({}, {assign->lease});
  worker.run(*assign, "1\n");
  std::optional<net::Ok> ended;
  while (!ended && real_now().mono < deadline) {
    auto answer = client_->request(net::ResultOf{0, accepted->task->id, 1'000}, kPatience);
    if (answer.ok() && answer->result) ended = std::move(*answer);
  }
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->task->state, model::TaskState::succeeded);
  EXPECT_EQ(ended->result->out.bytes, "1\n");
}

INSTANTIATE_TEST_SUITE_P(Codes, StoreFailureTest,
                         testing::Values(ErrorCode::io_error, ErrorCode::busy, ErrorCode::timeout),
                         [](const auto& code) { return std::string(to_string(code.param)); });

}  // namespace
}  // namespace kiln::actors
