// What happens when a part of the sandbox dies, and what it says where it cannot work at all.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <iostream>

#include "sandbox/cgroup.h"
#include "tests/sandbox/sandbox_fixture.h"

namespace kiln::sandbox {
namespace {

using model::Verdict;
using testing::HasSubstr;
using testing::Not;

constexpr uid_t kNobody = 65'534;
constexpr const char* kLoop = "print('up', flush=True)\nwhile True: pass";

#define ASSERT_STARTED(sandbox) \
  ASSERT_TRUE((sandbox).status().ok()) << (sandbox).status().error().text()

TEST(DeathTest, AKilledLauncherTakesItsCellsAlongAndAnotherOneComes) {
  Sandbox sandbox;
  ASSERT_STARTED(sandbox);
  const pid_t first = launcher_of(sandbox.monitor_pid());
  const CellId one = sandbox.start(python(kLoop));
  const CellId two = sandbox.start(python(kLoop));
  sandbox.wait_output(one, "up");
  sandbox.wait_output(two, "up");
  const auto cells = processes_below(first);
  const auto groups = instances_of(first);
  EXPECT_EQ(cells.size(), 4U);
  EXPECT_FALSE(groups.empty());
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  for (const CellId id : {one, two}) {
    const model::TaskResult result = sandbox.wait(id);
    EXPECT_EQ(result.verdict, Verdict::infrastructure_error);
    EXPECT_THAT(result.message, HasSubstr("launcher"));
    EXPECT_EQ(result.out.bytes, "up\n");
  }
  EXPECT_TRUE(none_alive(cells)) << "a cell outlives its launcher";
  const model::TaskResult next = sandbox.run(python("print('again')"));
  EXPECT_EQ(next.verdict, Verdict::ok) << next.message;
  EXPECT_NE(launcher_of(sandbox.monitor_pid()), first);
  EXPECT_TRUE(none_exists(groups)) << "the new launcher has not swept";
}

TEST(DeathTest, AfterTheMonitorNothingRuns) {
  Sandbox sandbox;
  ASSERT_STARTED(sandbox);
  const CellId id = sandbox.start(python(kLoop));
  sandbox.wait_output(id, "up");
  const auto cells = processes_below(launcher_of(sandbox.monitor_pid()));
  ASSERT_EQ(cells.size(), 2U);
  ASSERT_EQ(::kill(sandbox.monitor_pid(), SIGKILL), 0);
  EXPECT_EQ(sandbox.wait(id).verdict, Verdict::infrastructure_error);
  EXPECT_TRUE(eventually([&] { return none_alive(cells); }));
  const model::TaskResult next = sandbox.run(python("pass"));
  EXPECT_EQ(next.verdict, Verdict::infrastructure_error);
  sweep_cgroups(find_own_cgroups());  // nobody else is left to do it
}

TEST(DeathTest, StopKillsWhatRunsAndTellsEachResult) {
  model::TaskResult result;
  std::vector<pid_t> cells;
  std::vector<std::string> groups;
  {
    Sandbox sandbox;
    ASSERT_STARTED(sandbox);
    const CellId id = sandbox.start(python(kLoop));
    sandbox.wait_output(id, "up");
    const pid_t launcher = launcher_of(sandbox.monitor_pid());
    cells = processes_below(launcher);
    groups = instances_of(launcher);
    sandbox.runner().stop();
    result = sandbox.wait(id);
  }
  EXPECT_EQ(result.verdict, Verdict::cancelled);
  EXPECT_EQ(cells.size(), 2U);
  EXPECT_TRUE(none_alive(cells));
  EXPECT_TRUE(none_exists(groups));
}

TEST(DeathTest, AKilledWorkerLeavesNothing) {
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const pid_t worker = ::fork();
  if (worker == 0) {
    auto* sandbox = new Sandbox;  // ended by SIGKILL, and only so
    if (!sandbox->status().ok()) ::_exit(1);
    const CellId id = sandbox->start(python(kLoop));
    sandbox->wait_output(id, "up");
    const pid_t monitor = sandbox->monitor_pid();
    if (::write(pipe[1], &monitor, sizeof monitor) != sizeof monitor) ::_exit(1);
    ::pause();
    ::_exit(1);
  }
  ::close(pipe[1]);
  pid_t monitor = -1;
  ASSERT_EQ(::read(pipe[0], &monitor, sizeof monitor), static_cast<ssize_t>(sizeof monitor));
  const auto cells = processes_below(launcher_of(monitor));
  const auto groups = instances_of(launcher_of(monitor));
  EXPECT_EQ(cells.size(), 2U);
  ::kill(worker, SIGKILL);
  ::waitpid(worker, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return none_alive(cells); }));
  EXPECT_TRUE(eventually([&] { return !is_alive(monitor); })) << "the monitor stays";
  EXPECT_TRUE(eventually([&] { return none_exists(groups); }));
  ::close(pipe[0]);
}

TEST(DeathTest, AWorkerWithoutPrivilegesRunsPrograms) {
  // Read before: who has no privileges may have no way to the file.
  CellRequest request = program("facts.py");
  request.stdin_bytes = "in";
  EXPECT_EQ(in_child([&request] {
              Sandbox sandbox(Sandbox::default_launcher(), [] {
                if (::setresgid(kNobody, kNobody, kNobody) != 0) ::_exit(10);
                if (::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(11);
              });
              if (!sandbox.status().ok()) return 12;
              const model::TaskResult result = sandbox.run(request);
              if (result.verdict != Verdict::ok) return 13;
              return result.out.bytes.find("write /dev/stdout=written") != std::string::npos ? 0
                                                                                             : 14;
            }),
            0);
}

TEST(DeathTest, TwoWorkersDoNotTouchEachOthersCells) {
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const pid_t other = ::fork();
  if (other == 0) {
    Sandbox sandbox;
    if (!sandbox.status().ok()) ::_exit(1);
    const CellId id = sandbox.start(python("print('up', flush=True)\nwhile True: pass"));
    sandbox.wait_output(id, "up");
    const pid_t launcher = launcher_of(sandbox.monitor_pid());
    if (::write(pipe[1], &launcher, sizeof launcher) != sizeof launcher) ::_exit(1);
    if (::raise(SIGSTOP) != 0) ::_exit(1);  // until the first worker is done
    sandbox.runner().kill(id, KillReason::cancelled);
    ::_exit(sandbox.wait(id).verdict == Verdict::cancelled ? 0 : 2);
  }
  pid_t launcher = -1;
  ASSERT_EQ(::read(pipe[0], &launcher, sizeof launcher), static_cast<ssize_t>(sizeof launcher));
  const auto groups = instances_of(launcher);
  const size_t theirs = cells_in(groups);
  ASSERT_GT(theirs, 0U);
  {
    Sandbox sandbox;  // its launcher sweeps at its start, and ends in order
    ASSERT_STARTED(sandbox);
    EXPECT_EQ(sandbox.run(python("pass")).verdict, Verdict::ok);
    EXPECT_EQ(cells_in(groups), theirs);
  }
  EXPECT_EQ(cells_in(groups), theirs);
  ASSERT_TRUE(eventually([&] {
    int status = 0;
    return ::waitpid(other, &status, WUNTRACED | WNOHANG) == other && WIFSTOPPED(status);
  }));
  ::kill(other, SIGCONT);
  int status = -1;
  ::waitpid(other, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(eventually([&] { return none_exists(groups); }));
  ::close(pipe[0]);
  ::close(pipe[1]);
}

// --- where no cell can be made: one line that says what is wrong and what to do

// What starting says after `spoil` has been done to the process; read through a pipe from a child.
std::string refusal_after(const std::function<bool()>& spoil) {
  int pipe[2];
  EXPECT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const int code = in_child([&] {
    if (!spoil()) return 2;
    Sandbox sandbox;
    const std::string text = sandbox.status().ok() ? "it works" : sandbox.status().error().text();
    return ::write(pipe[1], text.data(), text.size()) > 0 ? 0 : 3;
  });
  EXPECT_EQ(code, 0);
  ::close(pipe[1]);
  char buffer[1024] = {};
  EXPECT_GE(::read(pipe[0], buffer, sizeof buffer - 1), 0);
  ::close(pipe[0]);
  EXPECT_THAT(buffer, Not(HasSubstr("\n")));
  return buffer;
}

TEST(RefusalTest, WithoutRoot) {
  const std::string text =
      refusal_after([] { return ::setresuid(kNobody, kNobody, kNobody) == 0; });
  EXPECT_THAT(text, HasSubstr("root"));
  EXPECT_THAT(text, HasSubstr("sudo"));
}

TEST(RefusalTest, WithoutControlGroups) {
  const std::string text = refusal_after([] {
    return ::unshare(CLONE_NEWNS) == 0 &&
           ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::umount2("/sys/fs/cgroup", MNT_DETACH) == 0;
  });
  EXPECT_THAT(text, HasSubstr("control groups"));
  EXPECT_THAT(text, HasSubstr("step cgroup_setup"));
  EXPECT_THAT(text, HasSubstr("Mount the controllers"));
}

bool give_up_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2] = {};
  return ::syscall(SYS_capset, &header, none) == 0;
}

TEST(RefusalTest, WithoutTheRightToMakeNamespaces) {
  const std::string text = refusal_after(give_up_capabilities);
  EXPECT_THAT(text, HasSubstr("start the launcher"));
  EXPECT_THAT(text, HasSubstr("Operation not permitted"));
  EXPECT_THAT(text, HasSubstr("--privileged"));
}

// As the syscall filters of containers do: unshare(CLONE_NEWUSER) is refused, everything else
// allowed.
bool forbid_user_namespaces() {
  std::array<sock_filter, 6> code = {
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 3),
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

TEST(RefusalTest, WithoutUserNamespaces) {
  const std::string text = refusal_after(forbid_user_namespaces);
  EXPECT_THAT(text, HasSubstr("user namespace"));
  EXPECT_THAT(text, HasSubstr("Operation not permitted"));
  EXPECT_THAT(text, HasSubstr("max_user_namespaces"));
}

TEST(RefusalTest, WithoutALauncher) {
  MonitorOptions options;
  options.launcher_path = "/nowhere/kiln-launcher";
  const auto monitor = fork_monitor(options);
  ASSERT_FALSE(monitor.ok());
  EXPECT_THAT(monitor.error().text(), HasSubstr("/nowhere/kiln-launcher"));
}

}  // namespace
}  // namespace kiln::sandbox
