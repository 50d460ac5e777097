// A broker with keys: whose tasks and whose leases a key reaches, over real sockets.
#include <gmock/gmock.h>

#include "net/zap.h"
#include "tests/actors/broker_fixture.h"
#include "tests/net/key_fixture.h"

namespace kiln::actors {
namespace {

using testing::HasSubstr;

class BrokerKeys : public BrokerTest {
 protected:
  void SetUp() override {
    keys_ = ring_.server();
    start();
    client_ = connect(ring_.client);
    other_ = connect(ring_.other_client);
  }
  std::unique_ptr<net::Client> connect(const net::KeyPair& keys) const {
    auto made = net::Client::connect(broker_->clients_endpoint(), kPatience, ring_.with(keys));
    EXPECT_TRUE(made.ok()) << made.error().text();
    return std::move(made).value();
  }
  ScriptedWorker worker(const net::KeyPair& keys, uint8_t number) const {
    return ScriptedWorker(broker_->workers_endpoint(), number, ring_.with(keys));
  }
  TaskId submit() const {
    const auto accepted = client_->request(submission("print(1)"));
    EXPECT_TRUE(accepted.ok()) << accepted.error().text();
    return accepted->task->id;
  }
  // What the other tenant's client hears about this task, whatever it asks.
  std::vector<std::string> told_to_other(const TaskId& id) const {
    std::vector<std::string> told;
    const auto ask = [&](auto request) {
      const auto answer = other_->request(std::move(request), kPatience);
      std::string text = answer.ok() ? "ok" : answer.error().text();
      if (const size_t at = text.find(to_string(id)); at != std::string::npos) {
        text.replace(at, to_string(id).size(), "ID");
      }
      told.push_back(std::move(text));
    };
    ask(net::StatusOf{0, id});
    ask(net::ResultOf{0, id, 0});
    ask(net::Cancel{0, id});
    ask(net::Subscribe{0, id, 0});
    return told;
  }
  // The value of a series, as it stands in a scrape.
  uint64_t counter(const std::string& series) const {
    const std::string text = broker_->metrics();
    const size_t at = text.find("\n" + series + " ");
    return at == std::string::npos ? 0 : std::stoull(text.substr(at + series.size() + 2));
  }

  net::KeyRing ring_;
  std::unique_ptr<net::Client> other_;
};

TEST_F(BrokerKeys, AnotherTenantsTaskIsAsAnUnknownOne) {
  const std::vector<std::string> unknown = told_to_other(TaskId{{99}});
  for (const std::string& told : unknown) EXPECT_THAT(told, HasSubstr("ID"));
  const TaskId id = submit();
  EXPECT_EQ(told_to_other(id), unknown) << "queued";
  ScriptedWorker runs = worker(ring_.worker, 1);
  runs.hello();
  const auto assign = runs.next<model::Assign>();
  ASSERT_TRUE(assign.has_value());
  EXPECT_EQ(told_to_other(id), unknown) << "running";
  runs.run(*assign, "1\n");
  const auto result = client_->request(net::ResultOf{0, id, 10'000}, kPatience);
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_EQ(result->task->state, model::TaskState::succeeded) << "nobody cancelled it";
  EXPECT_EQ(result->task->tenant, "red");
  EXPECT_EQ(told_to_other(id), unknown) << "ended";
}

TEST_F(BrokerKeys, AClientListsItsOwnTenantsTasks) {
  submit();
  const auto own = client_->request(net::List{});
  ASSERT_TRUE(own.ok());
  EXPECT_EQ(own->tasks->size(), 1U);
  const auto others = other_->request(net::List{});
  ASSERT_TRUE(others.ok());
  EXPECT_TRUE(others->tasks->empty());
}

TEST_F(BrokerKeys, AnIdOfAnotherTenantIsTaken) {
  net::Submit mine = submission("print(1)");
  mine.task.id = TaskId{{5}};
  ASSERT_TRUE(client_->request(mine).ok());
  const auto same = other_->request(mine);
  ASSERT_FALSE(same.ok());
  EXPECT_EQ(same.error().code, ErrorCode::conflict);
}

// It knows all that the other one knows: instance, task and epoch.
TEST_F(BrokerKeys, AWorkerCannotTakeOrFinishAnothersLease) {
  ScriptedWorker owner = worker(ring_.worker, 1);
  owner.hello();
  const TaskId id = submit();
  const auto assign = owner.next<model::Assign>();
  ASSERT_TRUE(assign.has_value());
  ScriptedWorker thief = worker(ring_.other_worker, 1);
  thief.hello({assign->lease});
  EXPECT_EQ(thief.next<model::Fenced>(), model::Fenced{assign->lease});
  thief.run(*assign, "forged\n");
  EXPECT_EQ(thief.next<model::Fenced>(), model::Fenced{assign->lease});  // of `started`
  EXPECT_EQ(thief.next<model::Fenced>(), model::Fenced{assign->lease});  // of `finished`
  owner.run(*assign, "true\n");
  EXPECT_TRUE(owner.next<model::FinishedOk>().has_value());
  const auto result = client_->request(net::ResultOf{0, id, 10'000}, kPatience);
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_EQ(result->result->out.bytes, "true\n");
  EXPECT_EQ(result->task->worker, "w1");
  const MonoTime deadline = real_now().mono + kPatience;
  while (counter("kiln_stale_results_total") == 0 && real_now().mono < deadline) {
  }
  EXPECT_EQ(counter("kiln_stale_results_total"), 1U);
}

TEST_F(BrokerKeys, AWorkerTakesItsOwnLeaseUpAgainAfterARestartAndNoOther) {
  std::optional<model::Assign> assign;
  {
    ScriptedWorker owner = worker(ring_.worker, 1);
    owner.hello();
    submit();
    assign = owner.next<model::Assign>();
    ASSERT_TRUE(assign.has_value());
    owner.say(model::Started{assign->lease});
    owner.say(model::Heartbeat{});
    ASSERT_TRUE(owner.next<model::HeartbeatOk>().has_value());
    client_.reset();
    other_.reset();
    broker_.reset();
  }
  start();
  ScriptedWorker thief = worker(ring_.other_worker, 1);
  thief.hello({assign->lease});
  EXPECT_EQ(thief.next<model::Fenced>(), model::Fenced{assign->lease});
  ScriptedWorker owner = worker(ring_.worker, 1);
  owner.hello({assign->lease});
  owner.run(*assign, "1\n");
  EXPECT_TRUE(owner.next<model::FinishedOk>().has_value());
}

TEST_F(BrokerKeys, AWorkerHasTheNameOfItsKey) {
  ScriptedWorker one = worker(ring_.worker, 1);
  ScriptedWorker two = worker(ring_.other_worker, 1);
  one.hello();
  two.hello();
  const auto answer = client_->request(net::Workers{});
  ASSERT_TRUE(answer.ok());
  std::vector<std::string> names;
  for (const net::WorkerInfo& info : *answer->workers) names.push_back(info.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("w1", "w2"));
}

TEST_F(BrokerKeys, StrangersAndNonsenseAreCounted) {
  const auto refused =
      net::Client::connect(broker_->clients_endpoint(), kPatience, ring_.with(ring_.stranger));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::unauthorized);
  EXPECT_EQ(counter("kiln_net_rejected_total{reason=\"peer_refused\"}"), 1U);
  net::Plain peer(zmq::socket_type::dealer, broker_->clients_endpoint(), 1'000,
                  [&](zmq::socket_t& s) { net::set_client_keys(s, ring_.with(ring_.client)); });
  peer.send({"nonsense"});
  EXPECT_FALSE(peer.receive().empty());
  EXPECT_EQ(counter("kiln_net_rejected_total{reason=\"malformed\"}"), 1U);
}

}  // namespace
}  // namespace kiln::actors
