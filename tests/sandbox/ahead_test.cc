// Cells made ahead of any request: each is used once, has its request's own limits, and what waits
// has given up everything already.
#include <gmock/gmock.h>
#include <sched.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sandbox/socket.h"
#include "sandbox/wire.h"
#include "tests/sandbox/sandbox_fixture.h"

namespace kiln::sandbox {
namespace {

using model::Verdict;
using testing::HasSubstr;

constexpr uint32_t kAhead = 2;

class AheadTest : public testing::Test {
 protected:
  AheadTest()
      : sandbox_(
            Sandbox::default_launcher(), [] {}, kAhead) {}
  void SetUp() override {
    ASSERT_TRUE(sandbox_.status().ok()) << sandbox_.status().error().text();
    wait_until_ready();
  }

  pid_t launcher() const { return launcher_of(sandbox_.monitor_pid()); }
  // Each has an init and the program's process.
  std::vector<pid_t> waiting() const { return processes_below(launcher()); }
  void wait_until_ready() const {
    ASSERT_TRUE(eventually([this] { return waiting().size() == 2 * kAhead; }))
        << testing::PrintToString(waiting());
  }
  std::vector<pid_t> inits() const { return children_of(launcher()); }

  static std::string file_text(const std::string& path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  static std::string status_of(pid_t pid) {
    return file_text("/proc/" + std::to_string(pid) + "/status");
  }

  Sandbox sandbox_;
};

TEST_F(AheadTest, WhatWaitsHasGivenUpEverything) {
  for (const pid_t init : inits()) {
    const std::vector<pid_t> programs = children_of(init);
    ASSERT_EQ(programs.size(), 1U);
    // It forks before the rest is done: wait for the last step.
    ASSERT_TRUE(eventually(
        [&] { return status_of(programs[0]).find("\nSeccomp_filters:\t2") != std::string::npos; }));
    const std::string status = status_of(programs[0]);
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
      EXPECT_THAT(status, HasSubstr(std::string(set) + ":\t0000000000000000"));
    }
    EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
    EXPECT_NE(user_of(programs[0]), 0U);
    EXPECT_EQ(open_descriptors(programs[0]), 1U) << "the way to its init";
  }
}

TEST_F(AheadTest, EachIsUsedOnceAndReplaced) {
  const std::vector<pid_t> before = inits();
  std::set<std::string> seen;
  for (int i = 0; i < 10; ++i) {
    const auto result = sandbox_.run(python(
        "import os, glob\n"
        "print(os.listdir('/box'), os.listdir('/tmp'), os.listdir('/dev/shm'), os.getpid())\n"
        "for d in ('/box', '/tmp', '/dev/shm'): open(d + '/mark', 'w').write('x')\n"));
    ASSERT_EQ(result.verdict, Verdict::ok) << result.message;
    seen.insert(result.out.bytes);
  }
  EXPECT_EQ(seen.size(), 1U) << testing::PrintToString(seen);
  wait_until_ready();
  for (const pid_t init : inits()) {
    EXPECT_THAT(before, testing::Not(testing::Contains(init)));
  }
}

TEST_F(AheadTest, MoreAtOnceThanWait) {
  std::vector<CellId> ids;
  for (int i = 0; i < 6; ++i)
    ids.push_back(sandbox_.start(python("print(" + std::to_string(i) + ")")));
  for (int i = 0; i < 6; ++i) {
    const auto result = sandbox_.wait(ids[static_cast<size_t>(i)]);
    EXPECT_EQ(result.verdict, Verdict::ok) << result.message;
    EXPECT_EQ(result.out.bytes, std::to_string(i) + "\n");
  }
  wait_until_ready();
}

TEST_F(AheadTest, TheRequestsOwnMemoryLimitHolds) {
  CellRequest request = python("x = bytearray(100 << 20); print(len(x))");
  request.limits.memory_bytes = 48 * model::kMB;
  const auto result = sandbox_.run(request);
  EXPECT_EQ(result.verdict, Verdict::memory_limit);
  EXPECT_EQ(result.out.bytes, "");
}

TEST_F(AheadTest, LessMemoryThanACellTakesIsTheLimitsDoing) {
  CellRequest request = python("print(1)");
  request.limits.memory_bytes = 64 * 1024;
  EXPECT_EQ(sandbox_.run(request).verdict, Verdict::memory_limit);
}

TEST_F(AheadTest, MoreMemoryThanACellWasMadeWith) {
  CellRequest request = python("x = bytearray(1200 << 20); print(len(x) >> 20)");
  request.limits.memory_bytes = 2'048 * model::kMB;
  request.limits.wall_ms = 20'000;
  const auto result = sandbox_.run(request);
  EXPECT_EQ(result.out.bytes, "1200\n") << result.message << result.err.bytes;
}

TEST_F(AheadTest, TheRequestsOwnSizesHold) {
  const std::string code =
      "import os\n"
      "for d in ('/box', '/tmp', '/dev/shm'):\n"
      "  s = os.statvfs(d); print(d, s.f_blocks * s.f_frsize, s.f_files)\n";
  wait_until_ready();
  CellRequest small = python(code);
  small.limits.box_bytes = 8 * model::kMB;
  small.limits.box_inodes = 100;
  small.limits.tmp_bytes = 4 * model::kMB;
  small.limits.shm_bytes = 2 * model::kMB;
  small.limits.shm_inodes = 10;
  const auto result = sandbox_.run(small);
  ASSERT_EQ(result.verdict, Verdict::ok) << result.message;
  EXPECT_EQ(result.out.bytes, "/box 8388608 101\n/tmp 4194304 4097\n/dev/shm 2097152 11\n");
  wait_until_ready();
  CellRequest large = python(code);
  large.limits.box_bytes = 512 * model::kMB;
  EXPECT_THAT(sandbox_.run(large).out.bytes, HasSubstr("/box 536870912 "));
}

TEST_F(AheadTest, TheRequestsOwnProcessesAndFileSizeHold) {
  CellRequest request = python(
      "import os\n"
      "try: os.fork() or os._exit(0); print('forked')\n"
      "except OSError as e: print('fork', e.errno)\n"
      "print('wrote', os.write(os.open('f', os.O_CREAT | os.O_WRONLY), bytes(4096)))\n");
  request.limits.processes = 1;
  request.limits.file_size_bytes = 1'000;
  const auto result = sandbox_.run(request);
  EXPECT_EQ(result.out.bytes, "fork 11\nwrote 1000\n") << result.err.bytes;
}

TEST_F(AheadTest, FilesAndInputReachIt) {
  CellRequest request = python(
      "import sys; print(open('a/b').read(), len(open('large','rb').read()), sys.stdin.read())");
  request.files.push_back({"a/b", "text"});
  request.files.push_back({"large", std::string(5 << 20, 'x')});
  request.stdin_bytes = "input";
  const auto result = sandbox_.run(request);
  EXPECT_EQ(result.verdict, Verdict::ok) << result.message << result.err.bytes;
  EXPECT_EQ(result.out.bytes, "text 5242880 input\n");
}

TEST_F(AheadTest, ItsMakingIsNotTheProgramsCost) {
  for (int i = 0; i < 3; ++i) {
    wait_until_ready();
    CellRequest request = python("");
    request.argv = {"/usr/bin/true"};
    const auto result = sandbox_.run(request);
    ASSERT_EQ(result.verdict, Verdict::ok);
    ASSERT_TRUE(result.cost.cpu_us);
    EXPECT_GE(*result.cost.cpu_us, 0);
  }
}

TEST_F(AheadTest, OneThatDiesWhileItWaitsIsReplaced) {
  const std::vector<pid_t> waited = inits();
  for (const pid_t init : waited) ::kill(init, SIGKILL);
  ASSERT_TRUE(eventually([&] { return none_alive(waited); }));
  EXPECT_EQ(sandbox_.run(python("print(1)")).out.bytes, "1\n");
  wait_until_ready();
}

TEST_F(AheadTest, WhatCannotBeStartedInOneIsNamed) {
  CellRequest request = python("");
  request.argv = {"/usr/bin/no-such-interpreter"};
  const auto result = sandbox_.run(request);
  EXPECT_EQ(result.verdict, Verdict::infrastructure_error);
  EXPECT_THAT(result.message, HasSubstr("step exec"));
  CellRequest full = python("");
  full.limits.box_bytes = 64 * 1024;
  full.files.push_back({"large", std::string(1 << 20, 'x')});
  EXPECT_THAT(sandbox_.run(full).message, HasSubstr("step input_files"));
}

TEST_F(AheadTest, OneThatIsCancelledBeforeItRunsIsGone) {
  for (int i = 0; i < 20; ++i) {
    const CellId id = sandbox_.start(python("import time; time.sleep(100)"));
    sandbox_.runner().kill(id, KillReason::cancelled);
    EXPECT_EQ(sandbox_.wait(id).verdict, Verdict::cancelled);
  }
  wait_until_ready();
}

TEST(AheadEndTest, NothingIsLeftOfThoseThatWaited) {
  std::vector<std::string> instances;
  std::vector<pid_t> processes;
  {
    Sandbox sandbox(
        Sandbox::default_launcher(), [] {}, kAhead);
    ASSERT_TRUE(sandbox.status().ok());
    const pid_t launcher = launcher_of(sandbox.monitor_pid());
    ASSERT_TRUE(eventually([&] { return processes_below(launcher).size() == 2 * kAhead; }));
    instances = instances_of(launcher);
    processes = processes_below(launcher);
  }
  EXPECT_TRUE(none_exists(instances));
  EXPECT_TRUE(none_alive(processes));
}

TEST_F(AheadTest, TheWorkerIsToldHowManyWait) {
  EXPECT_TRUE(eventually([this] { return sandbox_.pool().ready == kAhead; }));
  const size_t before = sandbox_.pool().build_us.size();
  EXPECT_GE(before, kAhead);
  EXPECT_EQ(sandbox_.run(python("pass")).verdict, Verdict::ok);
  EXPECT_TRUE(eventually([&] {
    return sandbox_.pool().ready == kAhead && sandbox_.pool().build_us.size() == before + 1;
  })) << sandbox_.pool().ready
      << " ready, " << sandbox_.pool().build_us.size() << " made";
  for (const int64_t took : sandbox_.pool().build_us) EXPECT_GT(took, 0);
}

// On one processor the launcher would have time to tell of the canary's cell before it is ready.
int first_word_on_one_processor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(::sched_getcpu()), &one);
  if (::sched_setaffinity(0, sizeof one, &one) != 0) return 1;
  MonitorOptions options;
  options.launcher_path = Sandbox::default_launcher();
  options.cells_ahead = kAhead;
  const auto monitor = fork_monitor(options);
  if (!monitor) return 2;
  const Packet life = receive_packet(monitor->control.get());
  if (life.fds.size() != 1) return 3;
  const Packet first = receive_packet(life.fds[0].get());
  const auto type = wire::packet_type(first.bytes);
  return type && *type == wire::Type::ready ? 0 : 4;
}

TEST(AheadEndTest, ReadyIsTheFirstWord) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(in_child(first_word_on_one_processor), 0);
}

// Those that wait are of the base profile: another's request has a cell made for it.
TEST_F(AheadTest, ARequestHasItsOwnSyscallProfile) {
  const std::string code =
      "import ctypes\n"
      "libc = ctypes.CDLL(None, use_errno=True)\n"
      "for call in (135, 294): print(libc.syscall(call, 0), ctypes.get_errno())\n";
  for (const auto& [profile, told] : {std::pair(model::SyscallProfile::base, "-1 1\n-1 1\n"),
                                      std::pair(model::SyscallProfile::personality, "0 0\n-1 1\n"),
                                      std::pair(model::SyscallProfile::inotify, "-1 1\n3 1\n")}) {
    CellRequest request = python(code);
    request.syscalls = profile;
    const auto result = sandbox_.run(request);
    EXPECT_EQ(result.out.bytes, told) << to_string(profile) << result.message << result.err.bytes;
  }
}

TEST_F(AheadTest, AnUnknownSyscallProfileIsRefused) {
  CellRequest request = python("print('ran')");
  request.syscalls = static_cast<model::SyscallProfile>(model::kSyscallProfiles.size());
  const auto result = sandbox_.run(request);
  EXPECT_EQ(result.verdict, Verdict::infrastructure_error);
  EXPECT_THAT(result.message, HasSubstr("step request"));
  EXPECT_EQ(result.out.bytes, "");
}

TEST(AheadDemandTest, WhereNobodyAsksOneWaits) {
  Sandbox sandbox(
      Sandbox::default_launcher(), [] {}, kAhead, std::chrono::milliseconds(scaled_ms(300)));
  ASSERT_TRUE(sandbox.status().ok()) << sandbox.status().error().text();
  const auto waiting = [&sandbox] {
    return processes_below(launcher_of(sandbox.monitor_pid())).size();
  };
  EXPECT_TRUE(eventually([&] { return waiting() == 2 && sandbox.pool().ready == 1; }));
  EXPECT_EQ(sandbox.run(python("pass")).verdict, Verdict::ok);
  EXPECT_TRUE(eventually([&] { return sandbox.pool().ready == kAhead; }));
}

}  // namespace
}  // namespace kiln::sandbox
