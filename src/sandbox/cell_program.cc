// The program's process. It is a child of the cell's init, inside all namespaces, with every
// capability in the cell's user namespace; each step takes something away for good, and the last
// one before exec reads back what the kernel says is left. exec itself cannot give anything back:
// the root is nosuid, no_new_privs is set, and the secure bits keep user 0 from meaning anything.
#include "sandbox/cell_program.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <span>
#include <string_view>

#include "sandbox/faults.h"
#include "sandbox/lock_budget.h"
#include "sandbox/socket.h"

namespace kiln::sandbox {
namespace {

constexpr int kReportFd = 3;  // close-on-exec
constexpr unsigned kFirstUnused = 4;
constexpr int kHighest = 64;  // where the way to the init waits
constexpr rlim_t kStackBytes = 8U << 20U;
constexpr rlim_t kOpenFiles = 1024;
constexpr rlim_t kLockedBytes = 8U << 20U;
constexpr rlim_t kPendingSignals = 1024;
int as_errno(long result) { return result < 0 ? errno : 0; }

// All namespaces at once (setns(2) with a pidfd); the pid namespace is that of the fork already.
int enter_cell(CellPlan& plan) {
  constexpr int kAll =
      CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWUSER;
  return as_errno(::setns(plan.init_fd, kAll));
}

int start_session(CellPlan&) { return as_errno(::setsid()); }

// Of what the launcher had open nothing stays but the way to the init.
int close_others(CellPlan& plan) {
  if (plan.exec_report != kHighest && ::dup3(plan.exec_report, kHighest, O_CLOEXEC) < 0) {
    return errno;
  }
  plan.exec_report = kHighest;
  const int error = as_errno(::syscall(SYS_close_range, 0U, kHighest - 1U, 0));
  return error != 0 ? error : as_errno(::syscall(SYS_close_range, kHighest + 1U, ~0U, 0));
}

// The request's descriptors are the lowest free ones: none is overwritten that is still needed.
int set_streams(CellPlan& plan) {
  std::array<int*, 3> sources = {&plan.stdin_fd, &plan.stdout_fd, &plan.stderr_fd};
  for (size_t i = 0; i < sources.size(); ++i) {
    plan.index = static_cast<int32_t>(i);
    *sources[i] = ::fcntl(*sources[i], F_DUPFD_CLOEXEC, kFirstUnused);
    if (*sources[i] < 0) return errno;
  }
  plan.index = -1;
  if (::dup2(plan.stdin_fd, 0) < 0 || ::dup2(plan.stdout_fd, 1) < 0 ||
      ::dup2(plan.stderr_fd, 2) < 0 || ::dup3(plan.exec_report, kReportFd, O_CLOEXEC) < 0) {
    return errno;
  }
  plan.exec_report = kReportFd;
  return as_errno(::syscall(SYS_close_range, kFirstUnused, ~0U, 0));
}

int enter_box(CellPlan&) { return as_errno(::chdir("/box")); }

struct Limit {
  int resource;
  rlim_t soft, hard;
};

int set_all(CellPlan& plan, std::span<const Limit> limits) {
  for (size_t i = 0; i < limits.size(); ++i) {
    plan.index = static_cast<int32_t>(i);
    const auto resource = static_cast<__rlimit_resource_t>(limits[i].resource);
    rlimit value{};
    if (::getrlimit(resource, &value) != 0) return errno;
    // Where the host's own limit is lower already, nobody here may raise it.
    const rlim_t hard = std::min(value.rlim_max, limits[i].hard);
    const rlim_t soft = std::min(hard, limits[i].soft);
    if (value.rlim_max == hard && value.rlim_cur == soft) continue;
    value = {soft, hard};
    if (::setrlimit(resource, &value) != 0) return errno;
  }
  return 0;
}

// Before the filter, which forbids some of them.
int set_rlimits(CellPlan& plan) {
  constexpr std::array kLimits = {
      Limit{RLIMIT_CORE, kCoreBytes, kCoreBytes},
      Limit{RLIMIT_NOFILE, kOpenFiles, kOpenFiles},
      Limit{RLIMIT_MEMLOCK, kLockedBytes, kLockedBytes},
      Limit{RLIMIT_MSGQUEUE, 0, 0},
      Limit{RLIMIT_SIGPENDING, kPendingSignals, kPendingSignals},
      Limit{RLIMIT_RTPRIO, 0, 0},
      Limit{RLIMIT_NICE, 0, 0},
      Limit{RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY},
  };
  return set_all(plan, kLimits);
}

int set_size_limits(CellPlan& plan) {
  const auto file_size = static_cast<rlim_t>(plan.limits.file_size_bytes);
  const auto memory = static_cast<rlim_t>(plan.limits.memory_bytes);
  const std::array limits = {
      Limit{RLIMIT_FSIZE, file_size, file_size},
      Limit{RLIMIT_STACK, kStackBytes, memory > kStackBytes ? memory : kStackBytes},
  };
  return set_all(plan, limits);
}

int become_user(CellPlan&) { return change_identity(kInnerProgramId); }
int empty_sets(CellPlan&) { return empty_capabilities(); }

int reset_signals(CellPlan&) {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) {
    ::sigaction(number, &standard, nullptr);  // SIGKILL, SIGSTOP and libc's own two refuse
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::umask(022);
  return as_errno(::sigprocmask(SIG_SETMASK, &none, nullptr));
}

int set_no_new_privs(CellPlan&) { return as_errno(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }

int load_filter(CellPlan& plan) {
  int listener = -1;
  const std::vector<sock_filter>& code = plan.filter->code;
  const sock_fprog program{static_cast<unsigned short>(code.size()),
                           const_cast<sock_filter*>(code.data())};
  if (const int error = load_filter_with_listener(program, listener)) return error;
  const int error = send_struct(plan.exec_report, StepFailure{}, std::span(&listener, 1));
  ::close(listener);
  return error;
}

int read_back(CellPlan& plan) {
  if (!has_identity(kInnerProgramId)) return EPERM;
  EffectiveState state;
  if (!read_effective_state(state)) return errno != 0 ? errno : EIO;
  return is_confined(state, plan.filters) ? 0 : EPERM;
}

int test_cell(CellPlan& plan) { return plan.self_test ? check_cell(plan, plan.index) : 0; }

int start(CellPlan& plan) {
  if (plan.start != nullptr) return plan.start(plan);
  if (plan.self_test) ::_exit(0);
  return exec_program(plan);
}

struct ProgramStep {
  Step step;
  int (*run)(CellPlan&);
};

// An init that forks the program hands these on to it.
constexpr std::array kEnter = {
    ProgramStep{Step::cgroup_join, join_cgroups},
    ProgramStep{Step::enter_cell, enter_cell},
    ProgramStep{Step::bounding_set, empty_bounding_set},
    ProgramStep{Step::secure_bits, lock_secure_bits},
};
constexpr std::array kPrepare = {
    ProgramStep{Step::session, start_session},
    ProgramStep{Step::descriptors, close_others},
    ProgramStep{Step::working_directory, enter_box},
    ProgramStep{Step::rlimits, set_rlimits},
    ProgramStep{Step::identity, become_user},
    ProgramStep{Step::capabilities, empty_sets},
    ProgramStep{Step::signals, reset_signals},
    ProgramStep{Step::no_new_privs, set_no_new_privs},
    ProgramStep{Step::filter, load_filter},
    ProgramStep{Step::read_back, read_back},
};
constexpr std::array kStart = {
    ProgramStep{Step::streams, set_streams},
    ProgramStep{Step::size_limits, set_size_limits},
    ProgramStep{Step::self_test, test_cell},
    ProgramStep{Step::exec, start},
};

[[noreturn]] void give_up(const CellPlan& plan, Step step, int error) {
  send_struct(plan.exec_report, StepFailure{step, error, plan.index});
  ::_exit(1);
}

void run_steps(CellPlan& plan, std::span<const ProgramStep> steps) {
  for (const ProgramStep& step : steps) {
    plan.index = -1;
    int error = step_fault(step.step, plan.program);
    if (error == kSkipStep) continue;
    if (error == 0) error = step.run(plan);
    if (error != 0) give_up(plan, step.step, error);
  }
}

// "CapEff:\t0000000000000000" and the like.
uint64_t number_after(std::string_view text, std::string_view key, unsigned base, uint64_t absent) {
  const size_t at = text.find(key);
  if (at == std::string_view::npos) return absent;
  uint64_t value = 0;
  bool any = false;
  for (size_t i = at + key.size(); i < text.size() && text[i] != '\n'; ++i) {
    const char c = text[i];
    unsigned digit = 99;
    if (c >= '0' && c <= '9') digit = static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<unsigned>(c - 'a') + 10;
    if (digit >= base) continue;  // the tab
    value = value * base + digit;
    any = true;
  }
  return any ? value : absent;
}

}  // namespace

int join_cgroups(CellPlan& plan) {
  for (size_t i = 0; i < plan.cgroup_joins.size(); ++i) {
    plan.index = static_cast<int32_t>(i);
    if (::write(plan.cgroup_joins[i], "0", 1) != 1) return errno;
  }
  return 0;
}

int exec_program(CellPlan& plan) {
  ::execve(plan.program->argv[0], const_cast<char* const*>(plan.program->argv.data()),
           const_cast<char* const*>(plan.program->env.data()));
  return errno;
}

int empty_bounding_set(CellPlan&) {
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    return errno == EINVAL && capability > 0 ? 0 : errno;  // EINVAL: past the kernel's last one
  }
  return 0;
}

int lock_secure_bits(CellPlan&) {
  const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                             SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                             SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  return as_errno(::prctl(PR_SET_SECUREBITS, bits, 0, 0, 0));
}

int change_identity(unsigned inner_id) {
  // Raw: the C library's wrappers would tell other threads, which there are none.
  if (::syscall(SYS_setgroups, 0, nullptr) != 0) return errno;
  if (::syscall(SYS_setresgid, inner_id, inner_id, inner_id) != 0) return errno;
  return as_errno(::syscall(SYS_setresuid, inner_id, inner_id, inner_id));
}

bool has_identity(unsigned inner_id) {
  uid_t uids[3];
  gid_t gids[3];
  if (::getresuid(&uids[0], &uids[1], &uids[2]) != 0) return false;
  if (::getresgid(&gids[0], &gids[1], &gids[2]) != 0) return false;
  for (int i = 0; i < 3; ++i) {
    if (uids[i] != inner_id || gids[i] != inner_id) return false;
  }
  return ::getgroups(0, nullptr) == 0;
}

int empty_capabilities() {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return errno;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, 2> none{};
  return as_errno(::syscall(SYS_capset, &header, none.data()));
}

bool read_effective_state(EffectiveState& out) {
  const int fd = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char buffer[4096];
  const ssize_t got = ::read(fd, buffer, sizeof buffer);
  ::close(fd);
  if (got <= 0) return false;
  const std::string_view text(buffer, static_cast<size_t>(got));
  out.inheritable = number_after(text, "\nCapInh:", 16, ~0ULL);
  out.permitted = number_after(text, "\nCapPrm:", 16, ~0ULL);
  out.effective = number_after(text, "\nCapEff:", 16, ~0ULL);
  out.bounding = number_after(text, "\nCapBnd:", 16, ~0ULL);
  out.ambient = number_after(text, "\nCapAmb:", 16, ~0ULL);
  out.no_new_privs = number_after(text, "\nNoNewPrivs:", 10, 0);
  out.seccomp = number_after(text, "\nSeccomp:", 10, 0);
  out.seccomp_filters = number_after(text, "\nSeccomp_filters:", 10, 0);
  return true;
}

bool is_confined(const EffectiveState& state, uint64_t filters) {
  return state.inheritable == 0 && state.permitted == 0 && state.effective == 0 &&
         state.bounding == 0 && state.ambient == 0 && state.no_new_privs == 1 &&
         state.seccomp == SECCOMP_MODE_FILTER && state.seccomp_filters == filters;
}

namespace {

// By a pidfd the launcher signals it; an init has that of its own child already.
int tell_ready(const CellPlan& plan) {
  if (plan.init_fd < 0) return send_struct(plan.exec_report, StepFailure{});
  const int self = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
  if (self < 0) return errno;
  const int error = send_struct(plan.exec_report, StepFailure{}, std::span(&self, 1));
  ::close(self);
  return error;
}

}  // namespace

void run_program(CellPlan& plan) {
  if (plan.init_fd >= 0) run_steps(plan, kEnter);
  run_steps(plan, kPrepare);
  if (plan.prepare != nullptr) plan.prepare();
  if (tell_ready(plan) != 0) ::_exit(1);
  if (const int error = receive_order(plan.exec_report, plan)) {
    // The init gave up, or is gone: nobody waits for a word.
    give_up(plan, Step::request, error);
  }
  run_steps(plan, kStart);
  ::_exit(1);
}

}  // namespace kiln::sandbox
