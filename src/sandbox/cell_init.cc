// The init of a cell. Theory of operation:
//
// It is the first process of the cell's pid namespace, cloned by the launcher with new pid, mount,
// net, ipc and uts namespaces, and still the host's root. Only at the end does it make the user
// namespace: so the other namespaces belong to the host's user namespace, no process of the cell
// has any capability over them whatever it gets hold of, and /proc can be mounted where a
// container's runtime has masked parts of the outer /proc. The steps stand in kPrepare and
// kStart, in order.
//
// Then it forks the program's process, which gives up all that it must and waits. The cell is
// ready: it may lie so for long, made ahead of any request. Told what to run, the init writes the
// input files, gives up its own privileges, and only then passes the request on to that process.
// From there it waits: for the program (whose end is the cell's end: the init reports it and exits,
// and the kernel kills whatever is left in the namespace), and for orphans.
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "sandbox/cell_child.h"
#include "sandbox/cell_program.h"
#include "sandbox/collector.h"
#include "sandbox/faults.h"
#include "sandbox/lock_budget.h"
#include "sandbox/socket.h"

namespace kiln::sandbox {
namespace {

constexpr char kHostName[] = "kiln";
constexpr size_t kCopyChunk = 32 * 1024;

int as_errno(long result) { return result < 0 ? errno : 0; }

int unshare_cgroup(CellPlan&) { return as_errno(::unshare(CLONE_NEWCGROUP)); }

// As the host's root, so that the least value allowed later is 0 as well (proc(5), oom_score_adj).
// The launcher sets the init's own to -1000 once the program exists.
int reset_oom_score(CellPlan&) {
  const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = ::write(fd, "0", 1) == 1 ? 0 : errno;
  ::close(fd);
  return error == EACCES ? 0 : error;  // ours is above 0, and lowering it takes CAP_SYS_RESOURCE
}

int set_host_name(CellPlan&) {
  if (::sethostname(kHostName, sizeof kHostName - 1) != 0) return errno;
  return as_errno(::setdomainname("", 0));
}

int mount_proc(CellPlan&) {
  return as_errno(
      ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "subset=pid,hidepid=2"));
}

int mount_tmpfs(const char* target, const MountOptions& options) {
  return as_errno(::mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, options.text.data()));
}

int mount_box(CellPlan& plan) { return mount_tmpfs("/box", plan.box); }
int mount_tmp(CellPlan& plan) { return mount_tmpfs("/tmp", plan.tmp); }
int mount_shm(CellPlan& plan) { return mount_tmpfs("/dev/shm", plan.shm); }

int open_directory(const char* path, int& out) {
  out = ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  return as_errno(out);
}

int open_directories(CellPlan& plan) {
  if (const int error = open_directory("/box", plan.box_fd)) return error;
  if (const int error = open_directory("/tmp", plan.tmp_fd)) return error;
  return open_directory("/dev/shm", plan.shm_fd);
}

int make_parents(int box, const char* path) {
  char part[wire::kMaxFileNameBytes + 1];
  for (size_t i = 0; path[i] != '\0'; ++i) {
    if (path[i] == '/') {
      part[i] = '\0';
      if (::mkdirat(box, part, 0755) != 0 && errno != EEXIST) return errno;
    }
    part[i] = path[i];
  }
  return 0;
}

int write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), std::min(bytes.size(), kCopyChunk));
    if (put < 0 && errno != EINTR) return errno;
    if (put > 0) bytes = bytes.subspan(static_cast<size_t>(put));
  }
  return 0;
}

// What is made belongs to this user of the cell from the start (setfsuid(2)). The calls tell
// nothing of failure but by their next answer.
int make_files_as(unsigned inner_id) {
  ::setfsgid(inner_id);
  ::setfsuid(inner_id);
  const bool taken = static_cast<unsigned>(::setfsgid(inner_id)) == inner_id &&
                     static_cast<unsigned>(::setfsuid(inner_id)) == inner_id;
  return taken ? 0 : EPERM;
}

// The program does not run yet, and /box is a fresh tmpfs, so there is no link to be led astray by.
// A compiled program belongs to the init's user: the cell's own can run it, and not change it.
int write_file(const wire::FileView& file, const CellPlan& plan) {
  if (const int error = make_parents(plan.box_fd, file.name)) return error;
  if (file.program) {
    if (const int error = make_files_as(kInnerInitId)) return error;
  }
  const int fd =
      ::openat(plan.box_fd, file.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return errno;
  int error = write_all(fd, file.bytes);
  if (error == 0 && file.program) error = as_errno(::fchmod(fd, 0555));
  ::close(fd);
  return error != 0 || !file.program ? error : make_files_as(kInnerProgramId);
}

int write_input_files(CellPlan& plan) {
  ::umask(022);
  if (const int error = make_files_as(kInnerProgramId)) return error;
  if (plan.order.collect_file_bytes > 0 && ::mkdirat(plan.box_fd, kOutDirectory, 0755) != 0) {
    return errno;
  }
  for (size_t i = 0; i < plan.program->files.size(); ++i) {
    plan.index = static_cast<int32_t>(i);
    if (const int error = write_file(plan.program->files[i], plan)) return error;
  }
  return 0;
}

int unshare_user(CellPlan& plan) {
  if (::unshare(CLONE_NEWUSER) != 0) return errno;
  ChildReport report;
  report.type = ReportType::want_map;
  if (const int error = send_struct(plan.socket, report)) return error;
  char answer = 0;
  return ::read(plan.socket, &answer, 1) == 1 ? 0 : EPIPE;
}

int ask_for_program(CellPlan& plan, int socket) {
  ChildReport report;
  report.type = ReportType::want_program;
  const int error = send_struct(plan.socket, report, std::span(&socket, 1));
  ::close(socket);
  return error;
}

int fork_program(CellPlan& plan) {
  int report[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) != 0) return errno;
  if (plan.warm) {
    plan.exec_report = report[0];
    return ask_for_program(plan, report[1]);
  }
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(&plan.program_fd);
  arguments.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return errno;
  if (pid == 0) {
    plan.exec_report = report[1];
    run_program(plan);
  }
  plan.program_pid = static_cast<pid_t>(pid);
  plan.exec_report = report[0];
  ::close(report[1]);
  return 0;
}

int take_own_identity(CellPlan&) {
  ::prctl(PR_SET_DUMPABLE, 0);
  return change_identity(kInnerInitId);
}

int drop_capabilities(CellPlan&) {
  if (const int error = empty_capabilities()) return error;
  return as_errno(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

struct InitStep {
  Step step;
  int (*run)(CellPlan&);
};

constexpr std::array kPrepare = {
    InitStep{Step::cgroup_join, join_cgroups},
    InitStep{Step::cgroup_namespace, unshare_cgroup},
    InitStep{Step::host_name, set_host_name},
    InitStep{Step::mount_proc, mount_proc},
    InitStep{Step::oom_score, reset_oom_score},
    InitStep{Step::mount_box, mount_box},
    InitStep{Step::mount_tmp, mount_tmp},
    InitStep{Step::mount_shm, mount_shm},
    InitStep{Step::directories, open_directories},
    InitStep{Step::user_namespace, unshare_user},
    InitStep{Step::bounding_set, empty_bounding_set},
    InitStep{Step::secure_bits, lock_secure_bits},
    InitStep{Step::fork_program, fork_program},
};
constexpr std::array kStart = {
    InitStep{Step::input_files, write_input_files},
    InitStep{Step::init_identity, take_own_identity},
    InitStep{Step::init_capabilities, drop_capabilities},
};

[[noreturn]] void fail(const CellPlan& plan, const StepFailure& failure) {
  ChildReport report;
  report.type = ReportType::failed;
  report.failure = failure;
  send_struct(plan.socket, report);
  ::_exit(1);
}

// One report of the program's process: a failure, or with none a descriptor: the filter's listener,
// then of a warm one its own pidfd.
struct ProgramReport {
  StepFailure failure;
  ssize_t size = 0;  // 0: it has closed its end
  int fd = -1;
};

ProgramReport receive_report(int socket) {
  ProgramReport out;
  iovec part{&out.failure, sizeof out.failure};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  out.size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  const cmsghdr* header = out.size > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    std::memcpy(&out.fd, CMSG_DATA(header), sizeof out.fd);
  }
  return out;
}

// Until the program's process has given up all that it must, and says so; then the cell is ready.
void wait_until_ready(CellPlan& plan) {
  ProgramReport told = receive_report(plan.exec_report);
  if (told.fd >= 0) {
    plan.listener = told.fd;
    told = receive_report(plan.exec_report);
  }
  if (told.fd >= 0) plan.program_fd = told.fd;
  if (told.failure.failed()) fail(plan, told.failure);
  if (told.size <= 0) fail(plan, {Step::fork_program, EPIPE, -1});
  if (plan.listener < 0) fail(plan, {Step::filter, EBADF, -1});
  const std::array<int, kReadyFdCount> fds = {plan.program_fd, plan.box_fd, plan.tmp_fd,
                                              plan.shm_fd};
  ChildReport report;
  report.type = ReportType::ready;
  if (send_struct(plan.socket, report, fds) != 0) ::_exit(1);
  for (const int fd : {plan.program_fd, plan.tmp_fd, plan.shm_fd}) ::close(fd);
}

// Passes the request on, and waits until the program's process has become the program (exec closes
// its end) or says what failed.
void start_program(CellPlan& plan) {
  const std::array<int, wire::kRunFdCount> fds = {plan.payload_fd, plan.stdin_fd, plan.stdout_fd,
                                                  plan.stderr_fd};
  const int sent = send_order(plan.exec_report, plan.order, fds);
  for (const int fd : fds) ::close(fd);
  ::close(plan.box_fd);
  ChildReport report;
  report.type = ReportType::running;
  ProgramReport told = receive_report(plan.exec_report);
  if (plan.warm && told.size > 0 && !told.failure.failed()) {  // how it starts
    report.start = static_cast<model::WarmStart>(told.failure.index);
    told = receive_report(plan.exec_report);
  }
  if (told.failure.failed()) fail(plan, told.failure);
  if (sent != 0) fail(plan, {Step::fork_program, sent, -1});
  if (told.size != 0) fail(plan, {Step::exec, EIO, -1});
  ::close(plan.exec_report);
  report.at_us = monotonic_us();
  if (send_struct(plan.socket, report) != 0) ::_exit(1);
}

// Reaps all that have died. Does not return when the program is one of them. A warm program is its
// interpreter's child, which tells the launcher of its end.
void reap(const CellPlan& plan, ChildReport& report) {
  while (true) {
    int status = 0;
    rusage usage{};
    const pid_t pid = ::wait4(-1, &status, WNOHANG, &usage);
    if (pid < 0 && errno == ECHILD && plan.warm) return;
    if (pid < 0 && errno != EINTR) fail(plan, {Step::init_lost, errno, -1});
    if (pid < 0) continue;
    if (pid == 0) return;
    report.rss_bytes = std::max(report.rss_bytes, int64_t{usage.ru_maxrss} * 1024);
    if (pid != plan.program_pid) continue;
    report.wait_status = status;
    report.at_us = monotonic_us();
    send_struct(plan.socket, report);
    ::_exit(0);
  }
}

[[noreturn]] void wait_for_program(const CellPlan& plan) {
  ChildReport report;
  report.type = ReportType::exited;
  LockBudget locks(plan.limits.memory_bytes);
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child, nullptr);
  const int deaths = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  if (deaths < 0) fail(plan, {Step::init_lost, errno, -1});
  std::array<pollfd, 2> polls = {pollfd{deaths, POLLIN, 0}, pollfd{plan.listener, POLLIN, 0}};
  while (true) {
    reap(plan, report);
    if (::poll(polls.data(), polls.size(), -1) < 0) continue;
    signalfd_siginfo death{};
    while (::read(deaths, &death, sizeof death) > 0) {
    }
    if ((polls[1].revents & POLLIN) != 0) {
      locks.answer_one(plan.listener);
    } else if (polls[1].revents != 0) {
      polls[1].fd = -1;  // no process under the filter is left
    }
  }
}

// Of what the launcher had open, the init keeps its socket only; the program's process has closed
// everything for itself already.
void close_all_but_needed(const CellPlan& plan) {
  std::array<int, 7> keep = {plan.socket, plan.wake,   plan.exec_report, plan.program_fd,
                             plan.box_fd, plan.tmp_fd, plan.shm_fd};
  std::sort(keep.begin(), keep.end());
  unsigned next = 0;
  for (const int fd : keep) {
    if (fd < 0) continue;
    const auto number = static_cast<unsigned>(fd);
    if (number > next) ::syscall(SYS_close_range, next, number - 1, 0);
    next = number + 1;
  }
  ::syscall(SYS_close_range, next, ~0U, 0);
}

}  // namespace

int send_order(int socket, const wire::Run& run, const std::array<int, wire::kRunFdCount>& fds) {
  return send_struct(socket, run, fds);
}

int receive_order(int socket, CellPlan& plan) {
  iovec part{&plan.order, sizeof plan.order};
  constexpr size_t kFdBytes = wire::kRunFdCount * sizeof(int);
  alignas(cmsghdr) char control[CMSG_SPACE(kFdBytes)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return errno;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (got != sizeof plan.order || header == nullptr || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(kFdBytes)) {
    return EPIPE;
  }
  std::array<int, wire::kRunFdCount> fds{};
  std::memcpy(fds.data(), CMSG_DATA(header), kFdBytes);
  plan.payload_fd = fds[wire::kPayloadFd];
  plan.stdin_fd = fds[wire::kStdinFd];
  plan.stdout_fd = fds[wire::kStdoutFd];
  plan.stderr_fd = fds[wire::kStderrFd];
  plan.limits = plan.order.limits;
  const size_t size = plan.order.payload_bytes;
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, plan.payload_fd, 0);
  if (memory == MAP_FAILED) return errno;
  // Nobody can change it any more: it is sealed.
  const std::span payload(static_cast<const std::byte*>(memory), size);
  if (!wire::read_run(plan.order, payload, *plan.order_view)) return EBADMSG;
  plan.program = plan.order_view;
  return 0;
}

namespace {

void run_steps(CellPlan& plan, std::span<const InitStep> steps) {
  for (const InitStep& step : steps) {
    plan.index = -1;
    int error = step_fault(step.step, plan.program);
    if (error == kSkipStep) continue;
    if (error == 0) error = step.run(plan);
    if (error != 0) fail(plan, {step.step, error, plan.index});
  }
}

}  // namespace

void run_cell_init(CellPlan& plan) {
  run_steps(plan, kPrepare);
  close_all_but_needed(plan);
  wait_until_ready(plan);
  uint64_t orders = 0;
  if (::read(plan.wake, &orders, sizeof orders) != sizeof orders) ::_exit(1);
  if (const int error = receive_order(plan.socket, plan)) fail(plan, {Step::request, error, 3});
  run_steps(plan, kStart);
  start_program(plan);
  wait_for_program(plan);
}

NamespaceIds own_namespaces() {
  NamespaceIds out{};
  for (size_t i = 0; i < kNamespaces.size(); ++i) {
    char path[64] = "/proc/self/ns/";
    size_t at = 14;
    for (const char* c = kNamespaces[i]; *c != '\0'; ++c) path[at++] = *c;
    struct stat status {};
    if (::stat(path, &status) == 0) out[i] = status.st_ino;
  }
  return out;
}

}  // namespace kiln::sandbox
