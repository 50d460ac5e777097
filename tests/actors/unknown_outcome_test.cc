// A commit that is stored while the store says that it does not know, and one that takes its time:
// what is told is what is stored, and only once that is known.
#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>

#include "model/audit.h"
#include "tests/actors/broker_fixture.h"

namespace kiln::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Holds a commit back until the test opens it.
class Gate {
 public:
  ~Gate() { open(); }
  // As a Fault's wait.
  void pass() {
    std::unique_lock lock(mutex_);
    reached_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  bool reached(Duration patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return reached_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool reached_ = false;
  bool open_ = false;
};

class UnknownOutcomeTest : public BrokerTest {
 protected:
  static net::Submit submission_as(const TaskId& id) {
    net::Submit submit = submission("print(1)");
    submit.task.id = id;
    return submit;
  }
  static TaskId id_of(uint8_t number) {
    Random random(number);
    return make_id<TaskId>(WallTime{}, random);
  }
  // Asks again until it is no refusal of the moment, as a client would.
  template <class Request>
  Result<net::Ok> ask_until_answered(const Request& request) {
    const MonoTime deadline = real_now().mono + kPatience;
    while (true) {
      auto answer = client_->request(request, kPatience);
      const bool busy = !answer.ok() && answer.error().code == ErrorCode::busy;
      if (!busy || real_now().mono > deadline) return answer;
    }
  }
  bool is_stored_as_started(const TaskId& id) {
    const MonoTime deadline = real_now().mono + kPatience;
    while (real_now().mono < deadline) {
      if (stored_task(id).row.started_at) return true;
      EXPECT_TRUE(client_->request(net::StatusOf{0, id}).ok());
    }
    return false;
  }
  std::vector<model::TaskRow> stored() { return (*rows_->reader())->list({}).value(); }

  // All that is stored of it, as kiln verify would look at it.
  model::StoredTask stored_task(const TaskId& id) {
    const auto reader = rows_->reader().value();
    model::StoredTask task;
    task.row = *reader->find_task(id).value();
    task.events = reader->events(id).value();
    task.has_program = reader->find_program(id).value() != nullptr;
    const model::Bytes result = reader->find_result(id).value();
    if (result) task.result_bytes = result->size();
    return task;
  }
};

TEST_F(UnknownOutcomeTest, ASubmissionSentAgainIsTheSameTask) {
  const TaskId id = id_of(1);
  faults_->next(store::commit_then_time_out());
  const auto first = client_->request(submission_as(id), kPatience);
  ASSERT_FALSE(first.ok()) << "told before it was known";
  EXPECT_EQ(first.error().code, ErrorCode::busy) << first.error().text();
  EXPECT_EQ(faults_->carried_out(), 1);
  const auto again = ask_until_answered(submission_as(id));
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_EQ(again->task->id, id);
  ASSERT_EQ(stored().size(), 1U);
  EXPECT_EQ(stored()[0].id, id);
  EXPECT_EQ(faults_->opened(), 2) << "the store was to be opened anew";
}

TEST_F(UnknownOutcomeTest, AResultHasOneVisibleEnd) {
  ScriptedWorker worker(broker_->workers_endpoint(), 1);
  worker.hello();
  const TaskId id = id_of(2);
  ASSERT_TRUE(client_->request(submission_as(id)).ok());
  const auto assign = worker.next<model::Assign>();
  ASSERT_TRUE(assign.has_value());
  worker.say(model::Started{assign->lease});
  ASSERT_TRUE(is_stored_as_started(id));  // so that the next commit is that of its end
  const auto waiting = client_->post(net::ResultOf{0, id, 60'000});
  ASSERT_TRUE(waiting.ok());
  faults_->next(store::commit_then_time_out());
  worker.finish(*assign, "1\n");
  const auto told = client_->answer(*waiting, kPatience);
  ASSERT_FALSE(told.ok()) << "an end was told before it was known";
  EXPECT_EQ(told.error().code, ErrorCode::busy);

  // The broker knows no worker any more. This one kept its result: nobody told it to forget it.
  ASSERT_TRUE(ask_until_answered(submission("print(2)")).ok());
  worker.hello({}, {assign->lease});
  worker.finish(*assign, "1\n");
  const auto fenced = worker.next<model::Fenced>();
  ASSERT_TRUE(fenced.has_value());
  EXPECT_EQ(fenced->lease, assign->lease);

  const auto ended = ask_until_answered(net::ResultOf{0, id, 1'000});
  ASSERT_TRUE(ended.ok()) << ended.error().text();
  EXPECT_EQ(ended->task->state, model::TaskState::succeeded);
  EXPECT_EQ(ended->task->attempt, 1U);
  EXPECT_EQ(ended->result->out.bytes, "1\n");
  EXPECT_THAT(model::audit(stored_task(id)), IsEmpty());
  EXPECT_EQ(stored_task(id).events.size(), 1U);
  EXPECT_EQ(faults_->opened(), 2);
}

// What the broker sends to one client, in the order in which it comes.
class Wire {
 public:
  explicit Wire(const std::string& endpoint) {
    net::LinkHandlers handlers;
    handlers.on_connected = [this] {
      const std::lock_guard lock(mutex_);
      connected_ = true;
      changed_.notify_all();
    };
    handlers.on_batch = [this](const std::vector<std::string>& batch) {
      const std::lock_guard lock(mutex_);
      for (const std::string& bytes : batch) {
        auto message = net::decode_to_client(bytes);
        ASSERT_TRUE(message.ok()) << message.error().text();
        const auto* ok = std::get_if<net::Ok>(&*message);
        ASSERT_NE(ok, nullptr) << "refused";
        answered_.push_back(ok->rid);
      }
      changed_.notify_all();
    };
    link_ = std::move(net::DealerLink::start(endpoint, std::move(handlers))).value();
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(10), [&] { return connected_; }));
  }
  void say(const net::FromClient& message) { link_->send({net::encode(message)}); }
  // The numbers of the requests that were answered, once there are so many, or the time is over.
  std::vector<uint64_t> answered(size_t enough, Duration patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return answered_.size() >= enough; });
    return answered_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool connected_ = false;
  std::vector<uint64_t> answered_;
  std::unique_ptr<net::DealerLink> link_;
};

TEST_F(UnknownOutcomeTest, NothingIsToldBeforeASlowCommitAndAllInOrderAfterIt) {
  constexpr Duration kLongEnough = std::chrono::milliseconds(300);  // for what must not come
  Gate gate;
  faults_->next(store::delay([&] { gate.pass(); }));
  Wire wire(broker_->clients_endpoint());
  net::Submit first = submission_as(id_of(1));
  first.rid = 1;
  wire.say(first);
  ASSERT_TRUE(gate.reached(kPatience));
  wire.say(net::StatusOf{2, id_of(1)});
  net::Submit second = submission_as(id_of(2));
  second.rid = 3;
  wire.say(second);
  wire.say(net::StatusOf{4, id_of(2)});
  // Another client, whose submission goes with the batch after the slow one.
  const auto other = client_->post(submission("print(5)"));
  ASSERT_TRUE(other.ok());
  EXPECT_THAT(wire.answered(1, kLongEnough), IsEmpty());
  const auto early = client_->answer(*other, Duration(0));
  ASSERT_TRUE(early.ok());
  EXPECT_FALSE(early->has_value());
  EXPECT_THAT(stored(), IsEmpty());
  gate.open();
  EXPECT_THAT(wire.answered(4, kPatience), ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(client_->answer(*other, kPatience).value().has_value());
  EXPECT_EQ(stored().size(), 3U);
  EXPECT_EQ(faults_->opened(), 1);
}

}  // namespace
}  // namespace kiln::actors
