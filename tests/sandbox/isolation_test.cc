// What a program in a cell can see and do, asked from inside.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/sandbox/sandbox_fixture.h"

namespace kiln::sandbox {
namespace {

using model::Verdict;
using testing::AnyOf;
using testing::HasSubstr;

using Facts = std::map<std::string, std::string>;

Facts parse(const std::string& text) {
  Facts out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t equals = line.find('=');
    if (equals != std::string::npos) out[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return out;
}

class IsolationTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    sandbox_ = new Sandbox;
    ASSERT_TRUE(sandbox_->status().ok()) << sandbox_->status().error().text();
    const model::TaskResult result = sandbox_->run(program("facts.py"));
    ASSERT_EQ(result.verdict, Verdict::ok) << result.message << result.err.bytes;
    facts_ = new Facts(parse(result.out.bytes));
  }
  static void TearDownTestSuite() {
    delete facts_;
    delete sandbox_;
  }
  static std::string fact(const std::string& name) {
    const auto at = facts_->find(name);
    return at == facts_->end() ? "(not told)" : at->second;
  }

  static Sandbox* sandbox_;
  static Facts* facts_;
};

Sandbox* IsolationTest::sandbox_ = nullptr;
Facts* IsolationTest::facts_ = nullptr;

TEST_F(IsolationTest, SevenNamespacesAreOthersThanTheHosts) {
  for (const std::string name : {"user", "pid", "mnt", "net", "ipc", "uts", "cgroup"}) {
    struct stat status {};
    ASSERT_EQ(::stat(("/proc/self/ns/" + name).c_str(), &status), 0);
    EXPECT_NE(fact("ns." + name), "(not told)");
    EXPECT_NE(fact("ns." + name), std::to_string(status.st_ino)) << name;
  }
}

TEST_F(IsolationTest, TheHostsNameIsUnknown) { EXPECT_EQ(fact("host_name"), "kiln"); }

// Whether a worker is shielded from the kernel's choice when memory runs out, or offered to it: its
// programs are neither. (To shield one takes a right that a container's root may lack.)
TEST(OutOfMemoryScoreTest, AProgramsIsItsOwn) {
  const auto set_own = [](const char* score) {
    std::ofstream("/proc/self/oom_score_adj") << score << std::flush;
  };
  set_own("300");
  Sandbox sandbox;
  set_own("0");
  ASSERT_TRUE(sandbox.status().ok()) << sandbox.status().error().text();
  EXPECT_EQ(sandbox.run(python("print(open('/proc/self/oom_score_adj').read(), end='')")).out.bytes,
            "0\n");
}

TEST_F(IsolationTest, AllCapabilitySetsAreEmpty) {
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_EQ(fact(set), "0000000000000000") << set;
  }
}

TEST_F(IsolationTest, FilterAndNoNewPrivilegesAreOn) {
  EXPECT_EQ(fact("Seccomp"), "2");
  EXPECT_EQ(fact("NoNewPrivs"), "1");
}

TEST_F(IsolationTest, DescriptorsAreZeroOneAndTwo) { EXPECT_EQ(fact("descriptors"), "0 1 2"); }

TEST_F(IsolationTest, EnvironmentIsExactlyWhatWasGiven) {
  EXPECT_EQ(fact("environment"), "HOME=/box LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin");
}

TEST_F(IsolationTest, TheUserIsNobodyOnTheHost) {
  EXPECT_EQ(fact("uids"), "1000 1000 1000");
  EXPECT_EQ(fact("gids"), "1000 1000 1000");
  EXPECT_EQ(fact("Groups"), "");
  EXPECT_EQ(fact("become root"), "Invalid argument");  // there is no user 0 in a cell
  const CellId id = sandbox_->start(python("print('up', flush=True)\nwhile True: pass"));
  sandbox_->wait_output(id, "up");
  // Those of cells made ahead are the host's root until they are told what to run.
  std::vector<pid_t> inits = children_of(launcher_of(sandbox_->monitor_pid()));
  std::erase_if(inits, [](pid_t pid) { return user_of(pid) == 0; });
  ASSERT_EQ(inits.size(), 1U);
  const auto programs = children_of(inits[0]);
  ASSERT_EQ(programs.size(), 1U);
  EXPECT_GE(user_of(inits[0]), 231'072U);
  EXPECT_GE(user_of(programs[0]), 231'072U);
  EXPECT_NE(user_of(inits[0]), user_of(programs[0]));
  // The init has given up its rights before the program started.
  std::ifstream file("/proc/" + std::to_string(inits[0]) + "/status");
  const std::string status{std::istreambuf_iterator<char>(file), {}};
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_THAT(status, testing::HasSubstr(std::string(set) + ":\t0000000000000000"));
  }
  EXPECT_THAT(status, testing::HasSubstr("NoNewPrivs:\t1"));
  sandbox_->runner().kill(id, KillReason::cancelled);
  sandbox_->wait(id);
}

TEST_F(IsolationTest, OnlyTheProgramItselfIsVisible) {
  EXPECT_EQ(fact("processes"), fact("pid"));
  EXPECT_EQ(fact("session_is_own"), "True");
  EXPECT_EQ(fact("signal the init"), "Operation not permitted");
  EXPECT_EQ(fact("signal the parent"), "Operation not permitted");
  EXPECT_EQ(fact("host_name"), "kiln");
  EXPECT_EQ(fact("cgroups"), "/");
}

TEST_F(IsolationTest, TheNetworkIsOneInterfaceThatIsDown) {
  EXPECT_EQ(fact("interfaces"), "lo");
  EXPECT_EQ(fact("lo_is_up"), "False");
}

TEST_F(IsolationTest, TheRootHoldsWhatACellNeedsAndNoMore) {
  EXPECT_EQ(fact("dev"), "fd full null random shm stderr stdin stdout urandom zero");
  EXPECT_EQ(fact("proc"), "self thread-self");
  EXPECT_EQ(fact("etc"),
            "alternatives group hosts ld.so.cache localtime mtab nsswitch.conf passwd ssl");
  EXPECT_THAT(fact("root"), HasSubstr("box"));
  EXPECT_THAT(fact("root"), Not(HasSubstr("home")));
  EXPECT_EQ(fact("box"), "main.py");
  EXPECT_EQ(fact("tmp"), "");
  EXPECT_EQ(fact("shm"), "");
  EXPECT_EQ(fact("var_tmp"), "/tmp");
  EXPECT_EQ(fact("directory"), "/box");
  EXPECT_EQ(fact("umask"), "0o22");
}

TEST_F(IsolationTest, EveryMountForbidsSetuidAndAllButTheTmpfsAreReadOnly) {
  size_t mounts = 0;
  for (const auto& [name, options] : *facts_) {
    if (!name.starts_with("mount ")) continue;
    ++mounts;
    EXPECT_THAT(options, HasSubstr("nosuid")) << name;
    const std::string path = name.substr(6);
    const bool own = path == "/box" || path == "/tmp" || path == "/dev/shm" || path == "/proc";
    EXPECT_THAT(options, testing::StartsWith(own ? "rw," : "ro,")) << name;
    if (path != "/") {
      EXPECT_THAT(options, HasSubstr("nodev")) << name;
    }
  }
  EXPECT_GE(mounts, 6U);
}

TEST_F(IsolationTest, WritesGoToTheTmpfsOnly) {
  for (const char* path : {"/x", "/usr/x", "/etc/passwd", "/dev/x"}) {
    EXPECT_EQ(fact(std::string("write ") + path), "Read-only file system") << path;
  }
  for (const char* path : {"/box/x", "/tmp/x", "/dev/shm/x", "/dev/stdout"}) {
    EXPECT_EQ(fact(std::string("write ") + path), "written") << path;
  }
}

TEST_F(IsolationTest, TheHostIsOutOfSight) {
  for (const char* path :
       {"/proc/1/exe", "/proc/1/root", "/sys", "/proc/sys", "/proc/kcore", "/root", "/home", "/run",
        "/etc/shadow", "/dev/tty", "/dev/kmsg", "/dev/mem"}) {
    EXPECT_EQ(fact(std::string("stat ") + path), "No such file or directory") << path;
  }
  EXPECT_EQ(fact("stat /proc/self/exe"), "there");
}

TEST_F(IsolationTest, TheHostsConfigurationBelowUsrIsOutOfSight) {
  EXPECT_THAT(fact("host_configuration"), AnyOf("", "No such file or directory"));
}

TEST_F(IsolationTest, ResourceLimitsAreSet) {
  EXPECT_EQ(fact("limit.CORE"), "1");
  EXPECT_EQ(fact("limit.FSIZE"), std::to_string(100 * model::kMB));
  EXPECT_EQ(fact("limit.NOFILE"), "1024");
  EXPECT_EQ(fact("limit.MSGQUEUE"), "0");
  EXPECT_EQ(fact("limit.RTPRIO"), "0");
}

TEST_F(IsolationTest, ForbiddenCallsAreAnsweredAsThePolicySays) {
  const model::TaskResult result = sandbox_->run(program("syscalls.py"));
  ASSERT_EQ(result.verdict, Verdict::ok) << result.message << result.err.bytes;
  const Facts answers = parse(result.out.bytes);
  const Facts expected = {
      {"add_key", "ENOSYS"},
      {"bpf", "EPERM"},
      {"bridge_ioctl", "EPERM"},
      {"chroot", "EPERM"},
      {"clone3", "ENOSYS"},
      {"clone_new_user", "EPERM"},
      {"core_limit", "ENOSYS"},
      {"core_limit_asked", "allowed"},
      {"core_limit_low_half_null", "ENOSYS"},
      {"core_limit_new", "ENOSYS"},
      {"drop_page_cache", "EPERM"},
      {"flush_disk", "allowed"},  // and nothing was flushed: the descriptor is -1
      {"huge_memory_file", "EPERM"},
      {"huge_pages", "EPERM"},
      {"init_module", "EPERM"},
      {"io_uring_setup", "ENOSYS"},
      {"kexec_load", "EPERM"},
      {"keyctl", "ENOSYS"},
      {"mbind", "ENOSYS"},
      {"mount", "EPERM"},
      {"multicast_4", "EPERM"},
      {"multicast_6", "EPERM"},
      {"open_by_handle_at", "EPERM"},
      {"perf_event_open", "EPERM"},
      {"personality", "EPERM"},
      {"pivot_root", "EPERM"},
      {"prctl_seccomp", "EPERM"},
      {"prctl_seccomp_high_bits", "EPERM"},
      {"process_vm_readv", "EPERM"},
      {"ptrace", "EPERM"},
      {"sched_core", "EPERM"},
      {"seccomp", "EPERM"},
      {"set_mempolicy", "ENOSYS"},
      {"setns", "EPERM"},
      {"socket_mptcp", "EPROTONOSUPPORT"},
      {"socket_netlink", "EAFNOSUPPORT"},
      {"socket_netlink_high_bits", "EAFNOSUPPORT"},
      {"socket_packet", "EAFNOSUPPORT"},
      {"socket_raw", "EPROTONOSUPPORT"},
      {"socket_sctp", "EPROTONOSUPPORT"},
      {"socket_vsock", "EAFNOSUPPORT"},
      {"socketpair_sctp", "EPROTONOSUPPORT"},
      {"tiocsti", "EPERM"},
      {"tiocsti_high_bits", "EPERM"},
      {"umount2", "EPERM"},
      {"unshare", "EPERM"},
      {"userfaultfd", "ENOSYS"},
      {"vlan_ioctl", "EPERM"},
  };
  EXPECT_EQ(answers, expected);
}

TEST_F(IsolationTest, NoProgramOfItsOwnGoesOntoASocket) {
  EXPECT_EQ(sandbox_->run(program("attach_filter.py")).out.bytes, "EPERM\n");
}

TEST_F(IsolationTest, ACallUnderAnotherAbiKillsTheProcess) {
  for (const char* abi : {"x32", "int80"}) {
    const model::TaskResult result = sandbox_->run(program("foreign_abi.py", {abi}));
    EXPECT_EQ(result.verdict, Verdict::signaled) << abi;
    // A kernel without the i386 ABI answers its instruction with SIGSEGV.
    EXPECT_THAT(result.signal, AnyOf(SIGSYS, SIGSEGV)) << abi;
    EXPECT_EQ(result.out.bytes, "trying\n") << abi;
  }
}

TEST_F(IsolationTest, TheLaunchersBinaryIsASealedCopyWithoutAPath) {
  const std::string exe = "/proc/" + std::to_string(launcher_of(sandbox_->monitor_pid())) + "/exe";
  char target[256] = {};
  ASSERT_GT(::readlink(exe.c_str(), target, sizeof target - 1), 0);
  EXPECT_THAT(target, testing::StartsWith("/memfd:kiln-launcher"));
}

TEST_F(IsolationTest, LauncherIsTheFirstProcessOfItsNamespace) {
  std::ifstream status("/proc/" + std::to_string(launcher_of(sandbox_->monitor_pid())) + "/status");
  std::string pids;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("NSpid:")) pids = line;
  }
  EXPECT_TRUE(pids.ends_with("\t1")) << pids;
}

}  // namespace
}  // namespace kiln::sandbox
