// Supervision: each actor, by name, is ended several times while clients submit, watch and wait.
// Broker and worker are whole, with real sockets, a real store and real cells. Whatever was
// acknowledged ends, once, with the right output.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "actors/broker_node.h"
#include "actors/worker_node.h"
#include "net/client.h"
#include "sandbox/monitor.h"

namespace kiln::actors {
namespace {

constexpr Duration kPatience = std::chrono::seconds(60);
constexpr int kTasks = 60;
constexpr std::array kCrashAfter = {5, 20, 40};  // results
constexpr int kSlots = 2;

TaskId id_of(int number) {
  TaskId id;
  id.bytes[0] = 7;
  id.bytes[15] = static_cast<uint8_t>(number);
  return id;
}

class RestartTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::string path = "/tmp/kiln-restart-XXXXXX";
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    directory_ = path;
    // Forked before any thread is there.
    sandbox::MonitorOptions monitor;
    monitor.launcher_path = std::move(sandbox::find_launcher()).value();
    auto forked = sandbox::fork_monitor(monitor);
    ASSERT_TRUE(forked.ok()) << forked.error().text();
    start_broker();
    start_worker(std::move(forked->control));
  }

  void TearDown() override {
    worker_.reset();
    broker_.reset();
    std::filesystem::remove_all(directory_);
  }

  void start_broker() {
    BrokerOptions options;
    options.clients_endpoint = "tcp://127.0.0.1:*";
    options.workers_endpoint = "tcp://127.0.0.1:*";
    options.data_directory = directory_;
    options.languages = config::default_languages();
    auto started = BrokerNode::start(std::move(options), [this](Error error) { fatal(error); });
    ASSERT_TRUE(started.ok()) << started.error().text();
    broker_ = std::move(started).value();
  }

  void start_worker(UniqueFd control) {
    WorkerNodeOptions options;
    options.broker_endpoint = broker_->workers_endpoint();
    options.name = "w";
    options.slots = kSlots;
    options.languages = config::default_languages();
    options.monitor_control = std::move(control);
    auto started =
        WorkerNode::start(std::move(options), {[this](Error error) { fatal(error); }, [] {}});
    ASSERT_TRUE(started.ok()) << started.error().text();
    worker_ = std::move(started).value();
  }

  void fatal(const Error& error) {
    const std::lock_guard lock(mutex_);
    fatal_ = error.text();
    changed_.notify_all();
  }
  bool wait_fatal() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return !fatal_.empty(); });
  }

  // Once it is there: it may be on its way back.
  bool crash(const std::string& actor) {
    const MonoTime deadline = real_now().mono + kPatience;
    while (!crash_now(actor)) {
      if (real_now().mono > deadline) return false;
    }
    return true;
  }
  bool crash_now(const std::string& actor) {
    return actor == "session" || actor == "executor" || actor == "streamer" ? worker_->crash(actor)
                                                                            : broker_->crash(actor);
  }

  std::unique_ptr<net::Client> connect() {
    return std::move(net::Client::connect(broker_->clients_endpoint())).value();
  }

  static net::Submit submission(int number) {
    net::Submit submit;
    submit.task.id = id_of(number);
    submit.task.cache = false;
    submit.task.program.language = "bash";
    submit.task.program.code = "echo " + std::to_string(number);
    // Some wait for the retry actor.
    if (number % 3 == 0) submit.task.eta = real_now().wall + std::chrono::milliseconds(200);
    return submit;
  }

  // As a careful client does it: again, under the same id, until it is acknowledged.
  static void submit(net::Client& client, const net::Submit& task) {
    const MonoTime deadline = real_now().mono + kPatience;
    while (real_now().mono < deadline) {
      const auto answer = client.request(task, std::chrono::seconds(2));
      if (answer.ok()) return;
      ASSERT_TRUE(answer.error().code == ErrorCode::busy ||
                  answer.error().code == ErrorCode::timeout)
          << answer.error().text();
    }
    FAIL() << "never acknowledged";
  }

  // Asks until it has ended; it may not have been submitted yet.
  static net::Ok result(net::Client& client, const TaskId& id) {
    const MonoTime deadline = real_now().mono + kPatience;
    while (real_now().mono < deadline) {
      auto answer = client.request(net::ResultOf{0, id, 1'000}, std::chrono::seconds(2));
      if (answer.ok() && model::is_terminal(answer->task->state)) return std::move(*answer);
    }
    ADD_FAILURE() << "task " << to_string(id) << " does not end";
    return {};
  }

  std::string directory_;
  std::unique_ptr<BrokerNode> broker_;
  std::unique_ptr<WorkerNode> worker_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string fatal_;
};

class ActorRestart : public RestartTest {};

TEST_P(ActorRestart, LosesNothingAcknowledged) {
  std::thread submitter([&] {
    const auto client = connect();
    for (int i = 0; i < kTasks; ++i) submit(*client, submission(i));
  });
  const auto client = connect();
  int crashes = 0;
  for (int i = 0; i < kTasks; ++i) {
    if (std::ranges::count(kCrashAfter, i) != 0 && crash(GetParam())) ++crashes;
    const net::Ok answer = result(*client, id_of(i));
    ASSERT_TRUE(answer.task.has_value()) << i;
    EXPECT_EQ(answer.task->state, model::TaskState::succeeded) << i;
    ASSERT_TRUE(answer.result.has_value()) << i;
    EXPECT_EQ(answer.result->out.bytes, std::to_string(i) + "\n");
  }
  submitter.join();
  EXPECT_EQ(crashes, static_cast<int>(kCrashAfter.size())) << "it was there each time";
  EXPECT_EQ(fatal_, "");
}

INSTANTIATE_TEST_SUITE_P(Broker, ActorRestart,
                         testing::Values("journal", "queue", "broker_link", "reader", "streams",
                                         "retry", "dead_letter", "telemetry"),
                         [](const auto& one) { return std::string(one.param); });
INSTANTIATE_TEST_SUITE_P(Worker, ActorRestart, testing::Values("session", "executor", "streamer"),
                         [](const auto& one) { return std::string(one.param); });

// Whoever watches a running task goes on watching it: none of the output is missing (but what a new
// streamer has lost), and the end comes.
class WatcherOverRestart : public RestartTest {};

TEST_P(WatcherOverRestart, SeesTheOutputAndTheEnd) {
  const auto client = connect();
  net::Submit task = submission(1);
  task.watch = true;
  task.task.program.code = "for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 0.2; done";
  submit(*client, task);
  std::string output;
  bool crashed = false;
  bool ended = false;
  const MonoTime deadline = real_now().mono + kPatience;
  while (!ended && real_now().mono < deadline) {
    auto event = client->next_event(std::chrono::seconds(1));
    ASSERT_TRUE(event.ok()) << event.error().text();
    if (!*event) continue;
    if ((*event)->kind == "output" && (*event)->offset + (*event)->data.size() > output.size()) {
      ASSERT_LE((*event)->offset, output.size()) << "bytes are missing";
      output += (*event)->data.substr(output.size() - (*event)->offset);
    }
    ended = (*event)->kind == "end";
    if (!crashed && output.size() >= 4) crashed = crash(GetParam());
  }
  EXPECT_TRUE(crashed);
  EXPECT_TRUE(ended);
  EXPECT_EQ(output, "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
}

INSTANTIATE_TEST_SUITE_P(All, WatcherOverRestart,
                         testing::Values("journal", "queue", "streams", "retry"),
                         [](const auto& one) { return std::string(one.param); });

class Escalation : public RestartTest {};

TEST_P(Escalation, FailsTheNodeWhenRestartsDoNotHelp) {
  const MonoTime deadline = real_now().mono + kPatience;
  while (fatal_.empty() && real_now().mono < deadline) {
    crash_now(GetParam());
    const std::lock_guard lock(mutex_);
    if (!fatal_.empty()) break;
  }
  EXPECT_TRUE(wait_fatal());
  EXPECT_NE(fatal_.find(GetParam()), std::string::npos) << fatal_;
}

INSTANTIATE_TEST_SUITE_P(Both, Escalation, testing::Values("retry", "streamer"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace kiln::actors
