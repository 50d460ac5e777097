// What the runner does when monitor and launcher misbehave or come and go, which the real ones
// cannot be made to do on order: this test speaks their side of the sockets.
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "sandbox/cell_runner.h"
#include "sandbox/memory_file.h"
#include "sandbox/socket.h"
#include "sandbox/wire.h"

namespace kiln::sandbox {
namespace {

using model::Verdict;
using testing::HasSubstr;

CellRequest any_request() {
  CellRequest request;
  request.argv = {"/bin/true"};
  return request;
}

class RunnerProtocolTest : public testing::Test {
 protected:
  RunnerProtocolTest() {
    auto pair = packet_socket_pair().value();
    monitor_ = std::move(pair.first);
    runners_end_ = std::move(pair.second);
  }

  // A new launcher's life; returns our end of its socket.
  UniqueFd begin_life() {
    auto [ours, theirs] = packet_socket_pair().value();
    const int fd = theirs.get();
    EXPECT_EQ(send_struct(monitor_.get(), wire::Life{}, std::span(&fd, 1)), 0);
    return std::move(ours);
  }
  void end_life(UniqueFd& launcher) {
    launcher.reset();
    wire::Life life;
    life.failure = {Step::launcher_lost, 0, -1};
    EXPECT_EQ(send_struct(monitor_.get(), life), 0);
  }
  static void say_ready(const UniqueFd& launcher) {
    EXPECT_EQ(send_struct(launcher.get(), wire::Ready{}), 0);
  }

  Result<std::unique_ptr<CellRunner>> start() {
    CellHandlers handlers;
    handlers.on_started = [](CellId) {};
    handlers.on_output = [](CellId, Stream, uint64_t, std::string_view) {};
    handlers.on_finished = [this](CellId id, model::TaskResult result) {
      const std::lock_guard lock(mutex_);
      results_[id] = std::move(result);
      changed_.notify_all();
    };
    return CellRunner::start({std::move(runners_end_)}, std::move(handlers));
  }
  // With a launcher that is ready.
  void start_ready() {
    launcher_ = begin_life();
    say_ready(launcher_);
    auto started = start();
    ASSERT_TRUE(started.ok()) << started.error().text();
    runner_ = std::move(*started);
  }
  wire::Run expect_run(const UniqueFd& launcher) {
    const Packet packet = receive_packet(launcher.get());
    EXPECT_EQ(packet.fds.size(), size_t{wire::kRunFdCount});
    const auto type = wire::packet_type(packet.bytes);
    EXPECT_TRUE(type.ok() && *type == wire::Type::run);
    return wire::packet_as<wire::Run>(packet.bytes);
  }
  static void finish(const UniqueFd& launcher, CellId id) {
    wire::Finished finished;
    finished.id = id;
    finished.wait_status = 0;
    EXPECT_EQ(send_struct(launcher.get(), finished), 0);
  }
  model::TaskResult wait(CellId id) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(20), [&] { return results_.contains(id); }));
    return results_[id];
  }
  bool told(CellId id) {
    const std::lock_guard lock(mutex_);
    return results_.contains(id);
  }

  UniqueFd monitor_, runners_end_, launcher_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<CellId, model::TaskResult> results_;
  std::unique_ptr<CellRunner> runner_;  // last: its thread uses what stands above
};

TEST_F(RunnerProtocolTest, ALauncherThatIsNotReadyFailsTheStartWithItsWords) {
  const UniqueFd launcher = begin_life();
  wire::NotReady message;
  message.failure = {Step::mount_proc, EPERM, -1};
  send_struct(launcher.get(), message);
  const auto started = start();
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().text(), HasSubstr("step mount_proc"));
}

TEST_F(RunnerProtocolTest, AMonitorThatDiesBeforeALauncherIsReadyFailsTheStart) {
  monitor_.reset();
  EXPECT_FALSE(start().ok());
}

TEST_F(RunnerProtocolTest, LostCellsAreToldOnlyWhenTheMonitorSaysThatAllIsDead) {
  start_ready();
  runner_->run(1, any_request());
  EXPECT_EQ(expect_run(launcher_).id, 1U);
  launcher_.reset();
  runner_->run(3, any_request());
  runner_->kill(3, KillReason::cancelled);
  EXPECT_EQ(wait(3).verdict, Verdict::cancelled);  // so it has seen that the launcher is gone
  EXPECT_FALSE(told(1)) << "its cell may still be alive";
  runner_->run(2, any_request());
  const UniqueFd next = begin_life();
  say_ready(next);
  EXPECT_EQ(wait(1).verdict, Verdict::infrastructure_error);
  EXPECT_EQ(expect_run(next).id, 2U);
  finish(next, 2);
  EXPECT_EQ(wait(2).verdict, Verdict::ok);
}

TEST_F(RunnerProtocolTest, WhatADeadLauncherHadSaidStillCounts) {
  start_ready();
  runner_->run(1, any_request());
  expect_run(launcher_);
  finish(launcher_, 1);
  end_life(launcher_);
  EXPECT_EQ(wait(1).verdict, Verdict::ok);
}

TEST_F(RunnerProtocolTest, ACellNotSentYetIsCancelledWithoutALauncher) {
  start_ready();
  end_life(launcher_);
  runner_->run(1, any_request());
  runner_->kill(1, KillReason::cancelled);
  EXPECT_EQ(wait(1).verdict, Verdict::cancelled);
}

TEST_F(RunnerProtocolTest, AKillIsSentWithItsCause) {
  start_ready();
  runner_->run(1, any_request());
  expect_run(launcher_);
  runner_->kill(1, KillReason::cancelled);
  const Packet packet = receive_packet(launcher_.get());
  const auto type = wire::packet_type(packet.bytes);
  ASSERT_TRUE(type.ok() && *type == wire::Type::kill);
  EXPECT_EQ(wire::packet_as<wire::Kill>(packet.bytes).cause, uint32_t{wire::kCancelled});
  finish(launcher_, 1);
  wait(1);
}

TEST_F(RunnerProtocolTest, MoreRequestsThanTheSocketHoldsAllArrive) {
  start_ready();
  constexpr CellId kMany = 600;
  std::thread caller([this] {
    for (CellId id = 1; id <= kMany; ++id) runner_->run(id, any_request());
  });
  for (CellId id = 1; id <= kMany; ++id) {
    EXPECT_EQ(expect_run(launcher_).id, id);
    finish(launcher_, id);
  }
  caller.join();
  for (CellId id = 1; id <= kMany; ++id) EXPECT_EQ(wait(id).verdict, Verdict::ok);
}

TEST_F(RunnerProtocolTest, NonsenseFromTheLauncherIsIgnored) {
  start_ready();
  runner_->run(1, any_request());
  expect_run(launcher_);
  send_struct(launcher_.get(), uint64_t{0});
  finish(launcher_, 99);  // no such cell
  finish(launcher_, 1);
  finish(launcher_, 1);  // told once only
  EXPECT_EQ(wait(1).verdict, Verdict::ok);
}

TEST_F(RunnerProtocolTest, AfterTheMonitorEveryRunFailsAtOnce) {
  start_ready();
  runner_->run(1, any_request());
  expect_run(launcher_);
  monitor_.reset();
  EXPECT_EQ(wait(1).verdict, Verdict::infrastructure_error);
  runner_->run(2, any_request());
  EXPECT_EQ(wait(2).verdict, Verdict::infrastructure_error);
}

TEST_F(RunnerProtocolTest, StoppingTellsWhatWasNotSent) {
  start_ready();
  end_life(launcher_);
  runner_->run(1, any_request());
  runner_->stop();
  EXPECT_TRUE(told(1));
  runner_->stop();  // a second time does nothing
}

}  // namespace
}  // namespace kiln::sandbox
