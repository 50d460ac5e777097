// Programs forked from a warm interpreter: nothing of the launcher, the interpreter or another
// program reaches them; and what happens when there is no interpreter. That they are the same as
// cold ones: tests/warm.
#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/sandbox/sandbox_fixture.h"

namespace kiln::sandbox {
namespace {

using model::Verdict;
using model::WarmStart;
using testing::HasSubstr;

class WarmTest : public testing::Test {
 protected:
  explicit WarmTest(const std::vector<WarmImage>& images = {warm_image()})
      : sandbox_(
            Sandbox::default_launcher(), [] {}, Sandbox::default_ahead(),
            MonitorOptions().ahead_for, images) {}
  void SetUp() override { ASSERT_TRUE(sandbox_.status().ok()) << sandbox_.status().error().text(); }

  model::TaskResult run_warm(const std::string& code) {
    const auto result = sandbox_.run(warm_python(code));
    EXPECT_EQ(sandbox_.last_start(), WarmStart::warm);
    EXPECT_EQ(result.verdict, Verdict::ok) << result.message << result.err.bytes;
    return result;
  }
  pid_t launcher() const { return launcher_of(sandbox_.monitor_pid()); }
  // The warm parents: pythons that are the launcher's own children.
  std::vector<pid_t> parents() const {
    std::vector<pid_t> out;
    for (const pid_t pid : children_of(launcher())) {
      std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
      std::string name;
      std::getline(file, name);
      if (name == "python3") out.push_back(pid);
    }
    return out;
  }

  Sandbox sandbox_;
};

TEST_F(WarmTest, ModulesOfTheImageAreThereAlready) {
  EXPECT_EQ(
      run_warm("import sys; print('json' in sys.modules, 'decimal' in sys.modules)").out.bytes,
      "True False\n");
}

// What two programs must not share, though the interpreter behind them had drawn from all of it,
// and both have the same process id.
constexpr const char* kDraws = R"(
import os, random, secrets, tempfile, uuid, hashlib
draws = [random.random(), random.getrandbits(64), random.SystemRandom().random(), secrets.token_hex(),
         str(uuid.uuid4()), str(uuid.uuid1()), next(tempfile._get_candidate_names()), os.urandom(8).hex()]
try:
    import ssl
    draws += [ssl.RAND_bytes(8).hex()]
    import numpy
    draws += [numpy.random.random(), str(numpy.random.default_rng().random()), numpy.random.randint(1 << 60)]
except ImportError: pass
print(os.getpid())
for draw in draws: print(draw)
)";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) out.push_back(line);
  return out;
}

class WarmDrawsTest : public WarmTest {
 protected:
  // The interpreter itself draws once from each, when it imports this.
  WarmDrawsTest()
      : WarmTest({{"python", kPython, "main.py",
                   "json random secrets tempfile uuid ssl numpy.random", ""}}) {}
};

TEST_F(WarmDrawsTest, NoTwoProgramsDrawTheSame) {
  std::vector<std::vector<std::string>> all;
  for (int i = 0; i < 5; ++i) all.push_back(lines_of(run_warm(kDraws).out.bytes));
  ASSERT_GE(all[0].size(), 10U);
  for (size_t line = 0; line < all[0].size(); ++line) {
    std::set<std::string> seen;
    for (const auto& draws : all) seen.insert(draws.at(line));
    // The first is the process id: the same for all, which is the point.
    EXPECT_EQ(seen.size(), line == 0 ? 1 : all.size()) << line << " " << all[0][line];
  }
}

TEST_F(WarmTest, NothingOneChangesIsSeenByTheNext) {
  const std::string look = R"(
import builtins, json, os, random, re, signal, sys, tempfile, threading, atexit
print(builtins.print is print, json.dumps([1]), sorted(os.environ), os.getcwd(), sys.path, len(sys.argv),
      signal.getsignal(signal.SIGUSR1), hasattr(builtins, 'mark'), hasattr(json, 'mark'), threading.active_count(),
      sys.getrecursionlimit(), os.listdir('/box'), os.listdir('/tmp'), 'mark' in sys.modules, sys.stdout.encoding,
      sys.excepthook is sys.__excepthook__, tempfile.gettempdir(), random.Random.mark if hasattr(random.Random, 'mark') else 0)
)";
  const std::string before = run_warm(look).out.bytes;
  run_warm(R"(
import atexit, builtins, json, os, random, signal, sys, tempfile, threading, types
builtins.mark = json.mark = random.Random.mark = 1
json.dumps = lambda *a: 'stolen'
os.environ['MARK'] = '1'; os.putenv('OTHER', '1'); os.umask(0)
sys.path.insert(0, '/tmp'); sys.argv.append('x'); sys.setrecursionlimit(500)
sys.modules['mark'] = types.ModuleType('mark')
signal.signal(signal.SIGUSR1, lambda *a: None)
sys.excepthook = lambda *a: None
tempfile.tempdir = '/box'
atexit.register(print, 'at exit')
open('/tmp/mark', 'w').write('x'); open('/dev/shm/mark', 'w').write('x')
os.chdir('/tmp')
threading.Thread(target=lambda: None).start()
)");
  EXPECT_EQ(run_warm(look).out.bytes, before);
}

TEST_F(WarmTest, NothingOfTheLauncherIsInReach) {
  const auto result = run_warm(R"(
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
print(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:-1])
print(os.getpid(), os.getpgid(0) == os.getsid(0) == os.getpid())
print([line.split()[-1] for line in open('/proc/self/status') if line.startswith(('Cap', 'NoNewPrivs', 'Seccomp:', 'Groups:'))])
for call in (lambda: os.kill(0, 0), lambda: os.kill(-1, 0), lambda: os.killpg(os.getpgrp(), 0)):
    try: call(); print('itself')
    except OSError as e: print(e.errno)
print(sorted(p for p in os.listdir('/proc') if p.isdigit()) == [str(os.getpid())], os.getppid())
print([libc.setns(0, 0) or 0, libc.unshare(0x10000000), libc.ptrace(16, 1, 0, 0)], ctypes.get_errno())
print(open('/proc/self/oom_score_adj').read().strip(), open('/proc/self/cgroup').read().count(':/\n') > 0)
print([name for name in dir(sys.modules['__main__']) if 'kiln' in name], '_kiln_warm' in sys.modules)
print(sorted({line.split()[-1] for line in open('/proc/self/maps') if 'kiln' in line and '/' in line.split()[-1][1:]}))
)");
  const auto lines = lines_of(result.out.bytes);
  ASSERT_EQ(lines.size(), 11U) << result.out.bytes << result.err.bytes;
  EXPECT_EQ(lines[0], "[0, 1, 2]");
  EXPECT_EQ(lines[1], "2 True");
  EXPECT_THAT(lines[2], HasSubstr("'0000000000000000', '0000000000000000', '0000000000000000', "
                                  "'0000000000000000', '0000000000000000'"));
  EXPECT_EQ(lines[6], "True 0") << "its parent is outside";
  EXPECT_THAT(lines[7], HasSubstr("-1, -1"));
  EXPECT_EQ(lines[8], "0 True");
  EXPECT_EQ(lines[9], "[] False");
  EXPECT_EQ(lines[10], "['/usr/local/lib/python3.11/dist-packages/_kiln.abi3.so']")
      << "a path of the host";
}

TEST_F(WarmTest, LimitsHoldAsInAnyCell) {
  CellRequest memory = warm_python("x = bytearray(500 << 20)");
  EXPECT_EQ(sandbox_.run(memory).verdict, Verdict::memory_limit);
  CellRequest wall = warm_python("import time; time.sleep(100)");
  wall.limits.wall_ms = 300;
  EXPECT_EQ(sandbox_.run(wall).verdict, Verdict::wall_timeout);
  CellRequest cpu = warm_python("while True: pass");
  cpu.limits.cpu_ms = 200;
  EXPECT_EQ(sandbox_.run(cpu).verdict, Verdict::cpu_timeout);
  CellRequest processes = warm_python("import os\nwhile True: os.fork()");
  processes.limits.wall_ms = 500;
  const auto result = sandbox_.run(processes);
  EXPECT_THAT(result.limits_hit, testing::Contains(model::LimitHit::processes));
  EXPECT_EQ(run_warm("print('fine')").out.bytes, "fine\n");
}

TEST_F(WarmTest, AProgramsEndIsTold) {
  const auto code = sandbox_.run(warm_python("import sys; sys.exit(7)"));
  EXPECT_EQ(code.exit_code, 7);
  EXPECT_EQ(code.verdict, Verdict::nonzero_exit);
  EXPECT_GT(code.cost.memory_rss_bytes.value_or(0), 1'000'000);
  EXPECT_GE(code.cost.cpu_us.value_or(-1), 0);
  const auto signal = sandbox_.run(warm_python("import os; os.kill(os.getpid(), 9)"));
  EXPECT_EQ(signal.signal, SIGKILL);
  EXPECT_EQ(signal.verdict, Verdict::signaled);
}

TEST_F(WarmTest, WhatItLeavesRunningDiesWithIt) {
  const size_t before = processes_below(launcher()).size();
  run_warm("import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1000)");
  EXPECT_TRUE(eventually([&] { return processes_below(launcher()).size() == before; }));
}

TEST_F(WarmTest, ACancelledOneIsGone) {
  for (int i = 0; i < 10; ++i) {
    const CellId id = sandbox_.start(warm_python("import time; time.sleep(100)"));
    sandbox_.runner().kill(id, KillReason::cancelled);
    EXPECT_EQ(sandbox_.wait(id).verdict, Verdict::cancelled);
  }
  EXPECT_EQ(run_warm("print('fine')").out.bytes, "fine\n");
}

TEST_F(WarmTest, AnotherCommandOrOtherVariablesStartCold) {
  CellRequest flags = warm_python("import sys; print(sys.flags.optimize)");
  flags.argv = {kPython, "-O", "/box/main.py"};
  EXPECT_EQ(sandbox_.run(flags).out.bytes, "1\n");
  EXPECT_EQ(sandbox_.last_start(), WarmStart::arguments);
  CellRequest variable = warm_python("print(hash('a') != 0)");
  variable.env.push_back({"PYTHONDONTWRITEBYTECODE", "1"});
  EXPECT_EQ(sandbox_.run(variable).out.bytes, "True\n");
  EXPECT_EQ(sandbox_.last_start(), WarmStart::environment);
}

TEST_F(WarmTest, WhenTheInterpreterDiesItsProgramsFailAndAnotherOneFollows) {
  const CellId id =
      sandbox_.start(warm_python("print('runs', flush=True)\nimport time; time.sleep(100)"));
  sandbox_.wait_output(id, "runs");
  const std::vector<pid_t> before = parents();
  ASSERT_EQ(before.size(), 1U);
  ::kill(before[0], SIGKILL);
  const auto lost = sandbox_.wait(id);
  EXPECT_EQ(lost.verdict, Verdict::infrastructure_error);
  EXPECT_THAT(lost.message, HasSubstr("warm_lost"));
  EXPECT_EQ(sandbox_.run(warm_python("print('cold')")).out.bytes, "cold\n");
  EXPECT_TRUE(eventually([&] {
    return sandbox_.run(warm_python("pass")).verdict == Verdict::ok &&
           sandbox_.last_start() == WarmStart::warm;
  }));
  EXPECT_NE(parents(), before);
}

TEST_F(WarmTest, ADeadLauncherTakesInterpretersWithIt) {
  std::vector<pid_t> pids = processes_below(launcher());
  ASSERT_FALSE(parents().empty());
  ::kill(launcher(), SIGKILL);
  EXPECT_TRUE(eventually([&] { return none_alive(pids); }, std::chrono::seconds(1)));
  EXPECT_TRUE(eventually([&] {
    return sandbox_.run(warm_python("pass")).verdict == Verdict::ok &&
           sandbox_.last_start() == WarmStart::warm;
  }));
}

// The soft limit is an exception in the program's own process, cold and warm alike; any other
// SIGTERM is what it always is.
class SoftLimitTest : public WarmTest, public testing::WithParamInterface<uint32_t> {
 protected:
  model::TaskResult run(const std::string& code, int64_t soft_ms) {
    CellRequest request = warm_python(code);
    request.image = GetParam();
    request.limits.soft_ms = soft_ms;
    request.limits.wall_ms = scaled_ms(10'000);
    request.limits.processes = 8;
    return sandbox_.run(request);
  }
};
INSTANTIATE_TEST_SUITE_P(ColdAndWarm, SoftLimitTest, testing::Values(0, 1));

TEST_P(SoftLimitTest, AProgramMaySaveWhatItHas) {
  for (const char* busy :
       {"n = 0\n    while True: n += 1", "import time; time.sleep(1000)",
        "import select; select.select([], [], [])", "sum(x for x in iter(int, 1))",
        "import threading; threading.Event().wait()"}) {
    const auto result =
        run(std::string("import kiln\nprint('begun', flush=True)\ntry:\n    ") + busy +
                "\nexcept kiln.SoftTimeLimitExceeded as e:\n    print('saved:', e)\n",
            scaled_ms(300));
    EXPECT_EQ(result.verdict, Verdict::soft_timeout) << busy << result.err.bytes;
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.out.bytes, "begun\nsaved: the task's soft time limit is over\n") << busy;
  }
}

TEST_P(SoftLimitTest, WhoDoesNotCatchItEndsWithATraceback) {
  const auto result = run("import time\nprint('partial')\ntime.sleep(1000)", scaled_ms(300));
  EXPECT_EQ(result.verdict, Verdict::soft_timeout);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out.bytes, "partial\n");
  EXPECT_THAT(result.err.bytes,
              HasSubstr("kiln.SoftTimeLimitExceeded: the task's soft time limit is over"));
}

TEST_P(SoftLimitTest, WhoGoesOnMeetsTheHardLimit) {
  CellRequest request = warm_python(
      "import kiln, time\nwhile True:\n    try:\n        time.sleep(1000)\n"
      "    except kiln.SoftTimeLimitExceeded: print('no', flush=True)\n");
  request.image = GetParam();
  request.limits.soft_ms = scaled_ms(300);
  request.limits.wall_ms = scaled_ms(900);
  const auto result = sandbox_.run(request);
  EXPECT_EQ(result.verdict, Verdict::wall_timeout);
  EXPECT_EQ(result.out.bytes, "no\n");
}

TEST_P(SoftLimitTest, AnyOtherSigtermIsTheUsualOne) {
  const auto own =
      run("import os, signal; os.kill(os.getpid(), signal.SIGTERM); print('lives on')", 0);
  EXPECT_EQ(own.signal, SIGTERM);
  EXPECT_EQ(own.out.bytes, "");
  // A child that is forked, not started anew.
  const auto child =
      run("import multiprocessing as m, time\n"
          "p = m.Process(target=time.sleep, args=(100,)); p.start(); p.terminate(); p.join()\n"
          "print(p.exitcode)",
          0);
  EXPECT_EQ(child.out.bytes, "-15\n") << child.err.bytes;
  const auto replaced =
      run("import os, signal\nsignal.signal(signal.SIGTERM, lambda *a: print('mine'))\n"
          "os.kill(os.getpid(), signal.SIGTERM)",
          0);
  EXPECT_EQ(replaced.out.bytes, "mine\n");
}

// Where the limit's signal finds a handler of the program's own, that is called.
TEST_P(SoftLimitTest, AProgramMayHandleItItself) {
  const auto result =
      run("import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *a: sys.exit(5))\n"
          "time.sleep(1000)",
          scaled_ms(300));
  EXPECT_EQ(result.verdict, Verdict::soft_timeout);
  EXPECT_EQ(result.exit_code, 5);
}

TEST(WarmFallbackTest, ProgramsOfAnImageThatCannotStartAreCold) {
  const std::vector<WarmImage> images = {
      {"missing", "/usr/bin/no-such-python", "main.py", "json", ""},
      {"other", "/usr/bin/cat", "main.py", "json", ""}};
  Sandbox sandbox(
      Sandbox::default_launcher(), [] {}, 0, MonitorOptions().ahead_for, images);
  ASSERT_TRUE(sandbox.status().ok()) << sandbox.status().error().text();
  for (uint32_t image = 1; image <= images.size(); ++image) {
    CellRequest request = warm_python("print('ran')");
    request.image = image;
    EXPECT_EQ(sandbox.run(request).out.bytes, "ran\n");
    EXPECT_EQ(sandbox.last_start(), WarmStart::unavailable);
  }
}

// Until then nobody pays for it.
TEST(WarmFallbackTest, AnImageWithModulesOfItsOwnStartsWhenItIsAskedFor) {
  Sandbox sandbox(Sandbox::default_launcher(), [] {}, 0, MonitorOptions().ahead_for,
                  {warm_image(), {"own", kPython, "main.py", "json decimal", "decimal"}});
  ASSERT_TRUE(sandbox.status().ok()) << sandbox.status().error().text();
  const auto start_of = [&sandbox] {
    CellRequest request = warm_python("import sys; print('decimal' in sys.modules)");
    request.image = 2;
    EXPECT_EQ(sandbox.run(request).verdict, Verdict::ok);
    return sandbox.last_start();
  };
  EXPECT_EQ(start_of(), WarmStart::unavailable);
  EXPECT_TRUE(eventually([&] { return start_of() == WarmStart::warm; }));
}

// Of nothing but what is not installed none is kept.
TEST(WarmFallbackTest, AnImageWithNoneOfItsModulesIsNotKept) {
  Sandbox sandbox(
      Sandbox::default_launcher(), [] {}, 0, MonitorOptions().ahead_for,
      {warm_image(), {"none", kPython, "main.py", "json no_such_module", "no_such_module"}});
  ASSERT_TRUE(sandbox.status().ok()) << sandbox.status().error().text();
  CellRequest request = warm_python("print('ran')");
  request.image = 2;
  EXPECT_EQ(sandbox.run(request).out.bytes, "ran\n");
  EXPECT_EQ(sandbox.last_start(), WarmStart::unavailable);
  const Sandbox::ImageNews told = sandbox.wait_image_told(2);
  EXPECT_FALSE(told.ready);
  EXPECT_EQ(told.missing, 1U);
  const pid_t launcher = launcher_of(sandbox.monitor_pid());
  EXPECT_TRUE(eventually([&] { return processes_below(launcher).size() == 1; }))
      << "the first image's alone";
}

TEST(WarmFallbackTest, MoreImagesThanThereAreNumbersForAreRefused) {
  MonitorOptions options;
  options.launcher_path = Sandbox::default_launcher();
  options.images.assign(kMaxWarmImages + 1, warm_image());
  const auto monitor = fork_monitor(options);
  ASSERT_FALSE(monitor.ok());
  EXPECT_THAT(monitor.error().text(), HasSubstr("images"));
}

// What is not installed is left out.
TEST(WarmFallbackTest, AnImageWithoutSomeOfItsModulesIsWarmAllTheSame) {
  Sandbox sandbox(Sandbox::default_launcher(), [] {}, 0, MonitorOptions().ahead_for,
                  {{"python", kPython, "main.py", "json no_such_module", ""}});
  ASSERT_TRUE(sandbox.status().ok()) << sandbox.status().error().text();
  EXPECT_EQ(sandbox.run(warm_python("print('ran')")).out.bytes, "ran\n");
  EXPECT_EQ(sandbox.last_start(), WarmStart::warm);
}

}  // namespace
}  // namespace kiln::sandbox
