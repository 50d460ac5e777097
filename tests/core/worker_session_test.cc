#include "core/worker_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace kiln::core {
namespace {

using model::Verdict;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

MonoTime at(int64_t ms) { return mono_from_micros(ms * 1'000); }

model::LeaseRef lease(uint8_t task, uint64_t counter = 1, uint64_t boot = 1) {
  model::LeaseRef ref;
  ref.id.bytes[15] = task;
  ref.epoch = {boot, counter};
  return ref;
}
model::Assign assign(uint8_t task, uint64_t counter = 1, std::string language = "python") {
  model::Assign message;
  message.lease = lease(task, counter);
  message.language = std::move(language);
  return message;
}
model::Bytes bytes(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

std::string name(const model::LeaseRef& ref) {
  return std::to_string(ref.id.bytes[15]) + "/" + std::to_string(ref.epoch.counter);
}
// Effects as words: "start 1/1", "finished 1/1".
struct Words {
  std::string operator()(const model::Hello& m) const {
    std::string text = "hello credit " + std::to_string(m.credit);
    for (const auto& ref : m.leases) text += " lease " + name(ref);
    for (const auto& ref : m.results) text += " result " + name(ref);
    return text;
  }
  std::string operator()(const model::Heartbeat&) const { return "heartbeat"; }
  std::string operator()(const model::Credit& m) const {
    return "credit " + std::to_string(m.credit);
  }
  std::string operator()(const model::Refused& m) const { return "refused " + name(m.lease); }
  std::string operator()(const model::Returned& m) const { return "returned " + name(m.lease); }
  std::string operator()(const model::Started& m) const { return "started " + name(m.lease); }
  std::string operator()(const model::Output& m) const { return "output " + name(m.lease); }
  std::string operator()(const model::Finished& m) const { return "finished " + name(m.lease); }
  std::string operator()(const model::Pong& m) const { return "pong " + std::to_string(m.token); }
  std::string operator()(const model::Goodbye&) const { return "goodbye"; }
  std::string operator()(const model::FetchBlob& m) const { return "get_blob " + name(m.lease); }
  std::string operator()(const model::StoreBlob& m) const { return "put_blob " + name(m.lease); }
  std::string operator()(const Tell& t) const { return std::visit(*this, t.message); }
  std::string operator()(const StartTask& s) const { return "start " + name(s.assign.lease); }
  std::string operator()(const KillTask& k) const { return "kill " + name(k.lease); }
  std::string operator()(const SetWatch& w) const {
    return (w.on ? "watch " : "unwatch ") + name(w.lease);
  }
  std::string operator()(const Reconnect&) const { return "reconnect"; }
  std::string operator()(const Leave&) const { return "leave"; }
};
std::vector<std::string> words(const SessionEffects& effects) {
  std::vector<std::string> out;
  for (const SessionEffect& effect : effects) out.push_back(std::visit(Words{}, effect));
  return out;
}

WorkerOptions options(uint32_t slots = 1, uint32_t prefetch = 1) {
  WorkerOptions o;
  o.name = "w";
  o.slots = slots;
  o.prefetch = prefetch;
  o.languages = {{"python", "3.11"}};
  return o;
}

class WorkerSessionTest : public ::testing::Test {
 protected:
  std::vector<std::string> receive(const model::ToWorker& message, int64_t ms = 0) {
    return words(session_.received(message, at(ms)));
  }
  std::vector<std::string> welcome(int64_t ms = 0, uint64_t boot = 1) {
    return receive(model::Welcome{boot, 1'000, 3'000}, ms);
  }
  void serve() {
    session_.connected(at(0));
    welcome();
  }
  std::vector<std::string> end(const model::LeaseRef& ref) {
    return words(session_.ended(ref, Verdict::ok, bytes("r"), at(0)));
  }
  WorkerSession session_{options()};
};

TEST_F(WorkerSessionTest, SaysHelloAndServesOnceWelcomed) {
  EXPECT_THAT(words(session_.connected(at(0))), ElementsAre("hello credit 1"));
  EXPECT_FALSE(session_.serving());
  EXPECT_THAT(welcome(), IsEmpty());
  EXPECT_TRUE(session_.serving());
}

TEST_F(WorkerSessionTest, StartsInOrderAsSlotsFree) {
  serve();
  EXPECT_THAT(receive(assign(2)), ElementsAre("start 2/1"));
  EXPECT_THAT(receive(assign(1)), IsEmpty());
  EXPECT_EQ(session_.waiting(), 1U);
  EXPECT_THAT(words(session_.started(lease(2), at(0))), ElementsAre("started 2/1"));
  EXPECT_THAT(end(lease(2)), ElementsAre("finished 2/1", "start 1/1"));
  EXPECT_EQ(session_.results_held(), 1U);
  EXPECT_THAT(receive(assign(3)), IsEmpty());
  EXPECT_THAT(receive(model::FinishedOk{lease(2)}), IsEmpty());
  EXPECT_EQ(session_.results_held(), 0U);
}

TEST_F(WorkerSessionTest, RefusesWhatItCannotRun) {
  EXPECT_THAT(receive(assign(9, 1, "cobol")), ElementsAre("refused 9/1"))
      << "before the welcome too";
  serve();
  receive(assign(1));
  receive(assign(2));
  EXPECT_THAT(receive(assign(3)), ElementsAre("refused 3/1")) << "beyond its credit";
  session_.drain();
  EXPECT_THAT(receive(assign(4)), ElementsAre("refused 4/1"));
}

TEST_F(WorkerSessionTest, DoubledAndLateMessagesChangeNothing) {
  serve();
  EXPECT_THAT(receive(assign(1)), ElementsAre("start 1/1"));
  EXPECT_THAT(receive(assign(1)), IsEmpty());
  end(lease(1));
  EXPECT_THAT(receive(assign(1)), IsEmpty()) << "its result is held";
  EXPECT_THAT(end(lease(1)), IsEmpty());
  receive(model::FinishedOk{lease(1)});
  EXPECT_THAT(receive(model::FinishedOk{lease(1)}), IsEmpty());
  EXPECT_THAT(receive(assign(1)), IsEmpty()) << "it is over";
  EXPECT_THAT(receive(model::CancelLease{lease(2)}), IsEmpty());
  EXPECT_THAT(receive(assign(2)), IsEmpty()) << "cancelled before it came";
  EXPECT_THAT(receive(model::Recall{lease(3)}), ElementsAre("returned 3/1"));
  EXPECT_THAT(receive(assign(3)), IsEmpty()) << "given back before it came";
  EXPECT_EQ(session_.running() + session_.waiting() + session_.results_held(), 0U);
}

TEST_F(WorkerSessionTest, GivesBackOnlyWhatHasNotStarted) {
  serve();
  receive(assign(1));
  receive(assign(2));
  EXPECT_THAT(receive(model::Recall{lease(1)}), IsEmpty());
  EXPECT_THAT(receive(model::Recall{lease(2)}), ElementsAre("returned 2/1"));
  EXPECT_EQ(session_.waiting(), 0U);
  end(lease(1));
  EXPECT_THAT(receive(model::Recall{lease(1)}), IsEmpty()) << "its result says more";
}

TEST_F(WorkerSessionTest, ACancelledTaskIsKilledAndItsResultDropped) {
  serve();
  receive(assign(1));
  receive(assign(2));
  EXPECT_THAT(receive(model::CancelLease{lease(1)}), ElementsAre("kill 1/1"));
  EXPECT_THAT(receive(model::Fenced{lease(1)}), IsEmpty()) << "killed once";
  EXPECT_THAT(words(session_.started(lease(1), at(0))), IsEmpty());
  EXPECT_EQ(session_.running(), 1U) << "the slot is not free yet";
  EXPECT_THAT(end(lease(1)), ElementsAre("start 2/1"));
  EXPECT_EQ(session_.results_held(), 0U);
}

TEST_F(WorkerSessionTest, ACancelledTaskThatWaitsIsForgotten) {
  serve();
  receive(assign(1));
  receive(assign(2));
  EXPECT_THAT(receive(model::CancelLease{lease(2)}), IsEmpty());
  EXPECT_THAT(end(lease(1)), ElementsAre("finished 1/1"));
}

TEST_F(WorkerSessionTest, ResultsAreSentAgainAfterEachWelcomeUntilAcknowledged) {
  serve();
  receive(assign(1));
  end(lease(1));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(words(session_.connected(at(0))), ElementsAre("hello credit 1 result 1/1"));
    EXPECT_THAT(welcome(), ElementsAre("finished 1/1"));
  }
  receive(model::FinishedOk{lease(1)});
  EXPECT_THAT(words(session_.connected(at(0))), ElementsAre("hello credit 1"));
  EXPECT_THAT(welcome(), IsEmpty());
}

TEST_F(WorkerSessionTest, AFencedResultIsForgotten) {
  serve();
  receive(assign(1));
  end(lease(1));
  EXPECT_THAT(receive(model::Fenced{lease(1)}), IsEmpty());
  EXPECT_EQ(session_.results_held(), 0U);
}

TEST_F(WorkerSessionTest, WhileUnwelcomeResultsWaitAndNothingStarts) {
  serve();
  receive(assign(1));
  receive(assign(2));
  EXPECT_THAT(words(session_.connected(at(10))), ElementsAre("hello credit 1 lease 1/1 lease 2/1"));
  EXPECT_THAT(words(session_.started(lease(1), at(0))), IsEmpty());
  EXPECT_THAT(end(lease(1)), IsEmpty());
  EXPECT_THAT(welcome(20), ElementsAre("finished 1/1", "start 2/1"));
  session_.started(lease(2), at(0));
  session_.connected(at(30));
  EXPECT_THAT(welcome(30), ElementsAre("started 2/1", "finished 1/1"));
}

TEST_F(WorkerSessionTest, AnotherHelloIsSaidOncePerHeartbeat) {
  serve();
  receive(assign(1));
  EXPECT_THAT(receive(model::HelloFirst{}, 100), ElementsAre("hello credit 1 lease 1/1"));
  EXPECT_FALSE(session_.serving());
  EXPECT_THAT(receive(model::HelloFirst{}, 101), IsEmpty());
  EXPECT_THAT(receive(model::HelloFirst{}, 1'101), ElementsAre("hello credit 1 lease 1/1"));
  welcome(1'102, 2);
  EXPECT_THAT(receive(model::HelloFirst{}, 1'103), ElementsAre("hello credit 1 lease 1/1"));
}

// The broker may be loading, and then waits one window for claims.
TEST_F(WorkerSessionTest, SaysHelloEachHeartbeatUntilWelcome) {
  session_.connected(at(0));
  EXPECT_EQ(session_.next_deadline(), at(1'000));
  EXPECT_THAT(words(session_.tick(at(999))), IsEmpty());
  EXPECT_THAT(words(session_.tick(at(1'000))), ElementsAre("hello credit 1"));
  EXPECT_THAT(words(session_.tick(at(1'001))), IsEmpty());
  EXPECT_THAT(words(session_.tick(at(2'000))), ElementsAre("hello credit 1"));
  welcome(2'001);
  EXPECT_THAT(words(session_.tick(at(3'001))), ElementsAre("heartbeat"));
}

TEST_F(WorkerSessionTest, HeartbeatsAndSilence) {
  serve();
  EXPECT_EQ(session_.next_deadline(), at(1'000));
  EXPECT_THAT(words(session_.tick(at(999))), IsEmpty());
  EXPECT_THAT(words(session_.tick(at(1'000))), ElementsAre("heartbeat"));
  EXPECT_THAT(words(session_.tick(at(1'000))), IsEmpty());
  receive(model::HeartbeatOk{}, 1'001);
  EXPECT_THAT(words(session_.tick(at(2'000))), ElementsAre("heartbeat"));
  EXPECT_THAT(words(session_.tick(at(3'000))), ElementsAre("heartbeat"));
  EXPECT_EQ(session_.next_deadline(), at(4'000));
  EXPECT_THAT(words(session_.tick(at(4'000))), ElementsAre("heartbeat"));
  EXPECT_EQ(session_.next_deadline(), at(4'001));
  EXPECT_THAT(words(session_.tick(at(4'001))), ElementsAre("reconnect"));
  EXPECT_FALSE(session_.serving());
  EXPECT_THAT(words(session_.tick(at(4'002))), IsEmpty()) << "the new link has its own window";
  EXPECT_THAT(words(session_.connected(at(4'100))), ElementsAre("hello credit 1"));
  EXPECT_THAT(words(session_.tick(at(7'100))), ElementsAre("reconnect"));
}

TEST_F(WorkerSessionTest, TheBrokerSetsHeartbeatAndWindow) {
  session_.connected(at(0));
  receive(model::Welcome{1, 200, 500}, 0);
  EXPECT_EQ(session_.next_deadline(), at(200));
  EXPECT_THAT(words(session_.tick(at(500))), ElementsAre("reconnect"));
  session_.connected(at(500));
  receive(model::Welcome{1, 0, 0}, 500);
  EXPECT_EQ(session_.next_deadline(), at(700)) << "0 changes nothing";
}

TEST_F(WorkerSessionTest, NothingIsDueBeforeTheFirstLink) {
  EXPECT_THAT(words(session_.tick(at(1'000'000))), IsEmpty());
  EXPECT_GT(session_.next_deadline(), at(1'000'000'000));
}

TEST_F(WorkerSessionTest, PausedBeyondItsLeaseItLearnsThatItIsFencedAndGoesOn) {
  serve();
  receive(assign(1));
  session_.started(lease(1), at(0));
  EXPECT_THAT(words(session_.tick(at(60'000))), ElementsAre("reconnect"));
  EXPECT_THAT(words(session_.connected(at(60'001))), ElementsAre("hello credit 1 lease 1/1"));
  EXPECT_THAT(welcome(60'002), ElementsAre("started 1/1"));
  EXPECT_THAT(receive(model::Fenced{lease(1)}, 60'003), ElementsAre("kill 1/1"));
  EXPECT_THAT(words(session_.connected(at(60'004))), ElementsAre("hello credit 1"))
      << "a disowned lease is not claimed";
  welcome(60'005);
  EXPECT_THAT(receive(assign(2, 2), 60'006), IsEmpty()) << "the slot is not free yet";
  EXPECT_THAT(end(lease(1)), ElementsAre("start 2/2"));
  EXPECT_THAT(end(lease(2, 2)), ElementsAre("finished 2/2"));
}

TEST_F(WorkerSessionTest, OfTwoLeasesOfATaskTheHigherEpochLives) {
  serve();
  receive(assign(1, 5));
  EXPECT_THAT(receive(assign(1, 7)), ElementsAre("kill 1/5"));
  EXPECT_THAT(receive(assign(1, 6)), IsEmpty()) << "comes late";
  EXPECT_THAT(end(lease(1, 5)), ElementsAre("start 1/7"));
  EXPECT_EQ(session_.results_held(), 0U);
}

TEST_F(WorkerSessionTest, Watching) {
  serve();
  receive(assign(1));
  receive(assign(2));
  EXPECT_THAT(receive(model::UnwatchLease{lease(1)}), IsEmpty());
  EXPECT_THAT(receive(model::WatchLease{lease(1)}), ElementsAre("watch 1/1"));
  EXPECT_THAT(receive(model::WatchLease{lease(1)}), ElementsAre("watch 1/1"));
  EXPECT_THAT(receive(model::UnwatchLease{lease(1)}), ElementsAre("unwatch 1/1"));
  EXPECT_THAT(receive(model::WatchLease{lease(8)}), IsEmpty());
  EXPECT_THAT(receive(model::WatchLease{lease(2)}), IsEmpty());
  const auto effects = session_.ended(lease(1), Verdict::ok, bytes("r"), at(0));
  EXPECT_TRUE(std::get<StartTask>(effects.back()).assign.watch) << "from its start";
  session_.connected(at(5));
  EXPECT_THAT(welcome(5, 1), ElementsAre("finished 1/1")) << "the same broker still watches";
  EXPECT_THAT(welcome(6, 2), ElementsAre("unwatch 2/1", "finished 1/1"));
}

TEST_F(WorkerSessionTest, DrainGivesBackFinishesAndLeaves) {
  serve();
  receive(assign(1));
  receive(assign(2));
  EXPECT_THAT(receive(model::Drain{}), ElementsAre("credit 0", "returned 2/1"));
  EXPECT_THAT(receive(model::Drain{}), IsEmpty());
  EXPECT_THAT(words(session_.connected(at(1))), ElementsAre("hello credit 0 lease 1/1"));
  welcome(1);
  EXPECT_THAT(end(lease(1)), ElementsAre("finished 1/1"));
  EXPECT_THAT(receive(model::FinishedOk{lease(1)}), ElementsAre("goodbye", "leave"));
  EXPECT_THAT(receive(assign(3)), IsEmpty());
  EXPECT_THAT(words(session_.tick(at(100'000))), IsEmpty());
  EXPECT_GT(session_.next_deadline(), at(1'000'000'000));
}

TEST_F(WorkerSessionTest, DrainOfAnIdleWorkerLeavesAtOnce) {
  serve();
  EXPECT_THAT(words(session_.drain()), ElementsAre("credit 0", "goodbye", "leave"));
  EXPECT_THAT(words(session_.drain()), IsEmpty());
}

TEST_F(WorkerSessionTest, TakesNoMoreWhileTooManyResultsAreUnacknowledged) {
  serve();
  for (uint64_t i = 0; i < kMaxResultsKept; ++i) {
    receive(assign(1, i + 1));
    end(lease(1, i + 1));
  }
  EXPECT_THAT(receive(assign(2)), ElementsAre("refused 2/1"));
}

}  // namespace
}  // namespace kiln::core
