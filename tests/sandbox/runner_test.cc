// Cells made by the real launcher, asked for through the real runner: what goes in comes out, and
// the verdicts are right.
#include <gmock/gmock.h>

#include <csignal>

#include "tests/sandbox/sandbox_fixture.h"

namespace kiln::sandbox {
namespace {

using model::LimitHit;
using model::Verdict;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kMillisecond = 1'000;

class RunnerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { sandbox_ = new Sandbox; }
  static void TearDownTestSuite() {
    delete sandbox_;
    sandbox_ = nullptr;
  }
  void SetUp() override {
    ASSERT_TRUE(sandbox_->status().ok()) << sandbox_->status().error().text();
  }

  static Sandbox* sandbox_;
};

Sandbox* RunnerTest::sandbox_ = nullptr;

TEST_F(RunnerTest, RunsAProgram) {
  const model::TaskResult result = sandbox_->run(python("print('hello')"));
  EXPECT_EQ(result.verdict, Verdict::ok) << result.message;
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.signal, std::nullopt);
  EXPECT_EQ(result.out.bytes, "hello\n");
  EXPECT_EQ(result.err.bytes, "");
  EXPECT_THAT(result.limits_hit, IsEmpty());
  EXPECT_EQ(result.message, "");
}

TEST_F(RunnerTest, GivesArgumentsInputFilesAndEnvironment) {
  CellRequest request = python(R"(
import os, sys
print(sys.argv[1:])
print(sys.stdin.read())
print(open('/box/data/a.txt').read(), open('b c.txt').read())
print(os.environ['GREETING'])
print(oct(os.stat('data/a.txt').st_mode), os.access('data', os.W_OK))
print('to stderr', file=sys.stderr)
)");
  request.argv.insert(request.argv.end(), {"one", "", "thr\xc3\xa4\n"});
  request.stdin_bytes = "from standard input";
  request.files.push_back({"data/a.txt", "A"});
  request.files.push_back({"b c.txt", "B"});
  request.env.push_back({"GREETING", "hi = there"});
  const model::TaskResult result = sandbox_->run(request);
  EXPECT_EQ(result.verdict, Verdict::ok) << result.message << result.err.bytes;
  EXPECT_EQ(result.out.bytes,
            "['one', '', 'thr\xc3\xa4\\n']\nfrom standard input\nA B\nhi = there\n"
            "0o100644 True\n");
  EXPECT_EQ(result.err.bytes, "to stderr\n");
}

TEST_F(RunnerTest, RunsBash) {
  CellRequest request = python("");
  request.argv = {"/usr/bin/bash", "/box/main.sh", "x"};
  request.files = {{"main.sh", "read line; echo \"$1 $line\" | tr a-z A-Z; exit 3"}};
  request.stdin_bytes = "word\n";
  const model::TaskResult result = sandbox_->run(request);
  EXPECT_EQ(result.verdict, Verdict::nonzero_exit) << result.message;
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out.bytes, "X WORD\n") << result.err.bytes;
}

TEST_F(RunnerTest, TellsASignal) {
  const model::TaskResult result =
      sandbox_->run(python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"));
  EXPECT_EQ(result.verdict, Verdict::signaled);
  EXPECT_EQ(result.signal, SIGKILL);
  EXPECT_EQ(result.exit_code, std::nullopt);
}

TEST_F(RunnerTest, ExitCode137IsNotTakenForMemory) {
  const model::TaskResult result = sandbox_->run(python("import os; os._exit(137)"));
  EXPECT_EQ(result.verdict, Verdict::nonzero_exit);
  EXPECT_EQ(result.exit_code, 137);
}

TEST_F(RunnerTest, OutputIsTakenByteByByte) {
  const model::TaskResult result =
      sandbox_->run(python("import os; os.write(1, bytes(range(256)) * 1000)"));
  ASSERT_EQ(result.out.bytes.size(), 256'000U);
  for (size_t i = 0; i < result.out.bytes.size(); ++i) {
    ASSERT_EQ(static_cast<unsigned char>(result.out.bytes[i]), i % 256);
  }
}

TEST_F(RunnerTest, OutputBeyondTheCapIsDroppedAndCounted) {
  CellRequest request = python("print('x' * 4999)");
  request.limits.output_bytes = 1'000;
  const model::TaskResult result = sandbox_->run(request);
  EXPECT_EQ(result.verdict, Verdict::ok);
  EXPECT_EQ(result.out.bytes, std::string(1'000, 'x'));
  EXPECT_EQ(result.out.dropped_bytes, 4'000);
  EXPECT_TRUE(result.out.truncated);
  EXPECT_FALSE(result.err.truncated);
  EXPECT_THAT(result.limits_hit, ElementsAre(LimitHit::output));
}

TEST_F(RunnerTest, OutputComesLive) {
  const CellId id = sandbox_->start(python(R"(
print('first', flush=True)
import sys
while True: pass
)"));
  sandbox_->wait_output(id, "first");
  sandbox_->runner().kill(id, KillReason::cancelled);
  const model::TaskResult result = sandbox_->wait(id);
  EXPECT_EQ(result.verdict, Verdict::cancelled);
  EXPECT_EQ(result.out.bytes, "first\n");
}

TEST_F(RunnerTest, SoftLimitSendsSigterm) {
  CellRequest request = python(R"(
import signal, sys
def leave(number, frame):
    print('leaving', flush=True)
    sys.exit(5)
signal.signal(signal.SIGTERM, leave)
while True: signal.pause()
)");
  request.limits.soft_ms = scaled_ms(300);
  const model::TaskResult result = sandbox_->run(request);
  EXPECT_EQ(result.verdict, Verdict::soft_timeout) << result.err.bytes;
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_EQ(result.out.bytes, "leaving\n");
  EXPECT_GE(result.cost.wall_us, scaled_ms(300) * kMillisecond);
  EXPECT_LT(result.cost.wall_us, scaled_ms(500) * kMillisecond);
}

TEST_F(RunnerTest, SoftLimitKillsAProgramThatHasNoHandler) {
  CellRequest request = python("while True: pass");
  request.limits.soft_ms = 200;
  const model::TaskResult result = sandbox_->run(request);
  EXPECT_EQ(result.verdict, Verdict::soft_timeout);
  EXPECT_EQ(result.signal, SIGTERM);
}

TEST_F(RunnerTest, WallLimitComesAfterAnIgnoredSoftLimit) {
  CellRequest request = program("endless_loop.py");
  request.limits.soft_ms = scaled_ms(200);
  request.limits.wall_ms = scaled_ms(400);
  const model::TaskResult result = sandbox_->run(request);
  EXPECT_EQ(result.verdict, Verdict::wall_timeout);
  EXPECT_THAT(result.limits_hit, ElementsAre(LimitHit::wall));
  EXPECT_GE(result.cost.wall_us, scaled_ms(400) * kMillisecond);
  EXPECT_LT(result.cost.wall_us, scaled_ms(500) * kMillisecond);
}

TEST_F(RunnerTest, AStoppedProgramIsStillTimed) {
  CellRequest request = python("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)");
  request.limits.wall_ms = 300;
  EXPECT_EQ(sandbox_->run(request).verdict, Verdict::wall_timeout);
}

TEST_F(RunnerTest, CpuLimitCountsTheWholeCell) {
  // Nobody waits for the children, so rusage would not know of them.
  CellRequest request = python(R"(
import os, time
for _ in range(2):
    if os.fork() == 0:
        while True: pass
time.sleep(60)
)");
  request.limits.cpu_ms = scaled_ms(400);
  const model::TaskResult result = sandbox_->run(request);
  EXPECT_EQ(result.verdict, Verdict::cpu_timeout) << result.message;
  EXPECT_THAT(result.limits_hit, ElementsAre(LimitHit::cpu));
  EXPECT_GE(result.cost.cpu_us.value_or(0), scaled_ms(400) * kMillisecond);
  EXPECT_LT(result.cost.cpu_us.value_or(0), scaled_ms(600) * kMillisecond);
}

TEST_F(RunnerTest, CpuShareIsAQuota) {
  CellRequest request = python("import time\nt=time.time()\nwhile time.time() < t + 1: pass");
  request.limits.cpus_milli = 200;
  const model::TaskResult result = sandbox_->run(request);
  EXPECT_EQ(result.verdict, Verdict::ok);
  // A fifth of a core; a bit more in the period in which it begins.
  EXPECT_LT(result.cost.cpu_us.value_or(result.cost.wall_us), result.cost.wall_us * 3 / 10);
  EXPECT_GT(result.cost.throttled_us.value_or(0), result.cost.wall_us / 2);
}

TEST_F(RunnerTest, WhoWaitsIsNotThrottled) {
  CellRequest request = python("import time; time.sleep(0.2)");
  request.limits.cpus_milli = 500;
  EXPECT_LT(sandbox_->run(request).cost.throttled_us.value_or(kMillisecond * 1000),
            scaled_ms(100) * kMillisecond);
}

TEST_F(RunnerTest, CostIsCounted) {
  const model::TaskResult result = sandbox_->run(python(R"(
import os
hoard = bytearray(b'x' * (32 << 20))
pids = [os.fork() for _ in range(1)]
)"));
  ASSERT_EQ(result.verdict, Verdict::ok) << result.err.bytes;
  EXPECT_GT(result.cost.setup_us, 0);
  EXPECT_LT(result.cost.setup_us, scaled_ms(5'000) * kMillisecond);
  EXPECT_GT(result.cost.wall_us, 0);
  EXPECT_GT(result.cost.cpu_us.value_or(0), 0);
  EXPECT_GT(result.cost.memory_charged_bytes.value_or(0), 32 * model::kMB);
  EXPECT_GT(result.cost.memory_rss_bytes.value_or(0), 32 * model::kMB);
  EXPECT_EQ(result.cost.peak_processes.value_or(2), 2);
}

TEST_F(RunnerTest, DiskAndInodesAreBounded) {
  CellRequest request = python(R"(
import errno
for attempt in ('/box/big', '/tmp/big', '/dev/shm/big'):
    try:
        with open(attempt, 'wb') as file:
            for _ in range(64): file.write(bytes(1 << 20)); file.flush()
        print('no limit')
    except OSError as error:
        print(errno.errorcode[error.errno])
)");
  const model::TaskResult result = sandbox_->run(request);
  EXPECT_EQ(result.out.bytes, "ENOSPC\nENOSPC\nENOSPC\n") << result.message << result.err.bytes;
  EXPECT_THAT(result.limits_hit, Contains(LimitHit::disk));

  request = python("for i in range(10_000): open(f'/box/{i}', 'w').close()");
  request.limits.box_inodes = 100;
  EXPECT_THAT(sandbox_->run(request).limits_hit, Contains(LimitHit::inodes));
}

TEST_F(RunnerTest, FileSizeIsBounded) {
  CellRequest request = python(R"(
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
open('/tmp/x', 'wb').write(bytes(2 << 20))
)");
  request.limits.file_size_bytes = model::kMB;
  const model::TaskResult result = sandbox_->run(request);
  EXPECT_EQ(result.signal, SIGXFSZ);
  EXPECT_THAT(result.limits_hit, ElementsAre(LimitHit::file_size));
}

TEST_F(RunnerTest, ManyCellsAtOnceKeepTheirOutputsApart) {
  std::vector<CellId> ids;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(sandbox_->start(python("print(" + std::to_string(i) + ")")));
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    const model::TaskResult result = sandbox_->wait(ids[i]);
    EXPECT_EQ(result.verdict, Verdict::ok) << result.message;
    EXPECT_EQ(result.out.bytes, std::to_string(i) + "\n");
  }
}

TEST_F(RunnerTest, ARequestThatCannotBeSentIsToldAsAResult) {
  CellRequest request = python("");
  request.argv.push_back(std::string("a\0b", 3));
  const model::TaskResult result = sandbox_->run(request);
  EXPECT_EQ(result.verdict, Verdict::infrastructure_error);
  EXPECT_THAT(result.message, HasSubstr("NUL"));
}

TEST_F(RunnerTest, KillingWhatIsNotThereDoesNothing) {
  sandbox_->runner().kill(987'654, KillReason::cancelled);
  EXPECT_EQ(sandbox_->run(python("pass")).verdict, Verdict::ok);
}

}  // namespace
}  // namespace kiln::sandbox
