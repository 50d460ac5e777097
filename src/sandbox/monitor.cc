// The monitor: a loop of few states, so that there is little that could go wrong as root.
//
//   start a launcher, tell the worker -> wait -> it died: tell, pause, start the next
//                                          \---> the worker is gone: wait for the launcher's
//                                                orderly end, kill it if it takes too long, end
//
// The launcher sees the worker's end by itself (its socket closes), kills its cells and removes
// their control groups. Whatever a killed launcher left behind is swept by the next one, or here at
// the end.
#include "sandbox/monitor.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>

#include "base/null_ended.h"
#include "sandbox/cgroup.h"
#include "sandbox/files.h"
#include "sandbox/memory_file.h"
#include "sandbox/socket.h"
#include "sandbox/wire.h"

namespace kiln::sandbox {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kFirstPause{10};
constexpr milliseconds kLongestPause{5'000};
constexpr milliseconds kGoodLife{10'000};  // a launcher that lived so long starts the pauses anew
constexpr milliseconds kOrderlyEnd{3'000};
constexpr int kLauncherSocket = 3;
constexpr unsigned kFirstLibrary = 5;

struct MonitorState {
  UniqueFd worker;  // our end of the control socket
  UniqueFd parent;  // pidfd of the worker
  UniqueFd binary;  // the launcher, sealed in memory
  // _kiln_warm and _kiln, likewise; the first is needed for images only, the second may be missing.
  std::array<UniqueFd, 2> libraries;
  std::vector<std::string> arguments;
};

// What the launcher's process does between clone and exec. Descriptor 3 becomes its socket, 4 the
// binary, 5 and 6 the libraries that there are, 0 and 1 are /dev/null already, 2 is the worker's.
[[noreturn]] void become_launcher(const MonitorState& state, int socket) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int binary = ::fcntl(state.binary.get(), F_DUPFD_CLOEXEC, 64);
  const int moved = ::fcntl(socket, F_DUPFD_CLOEXEC, 64);
  std::array<int, 2> libraries{};
  for (size_t i = 0; i < libraries.size(); ++i) {
    libraries.at(i) = ::fcntl(state.libraries.at(i).get(), F_DUPFD_CLOEXEC, 64);
  }
  ::dup2(moved, kLauncherSocket);
  ::dup3(binary, kLauncherSocket + 1, O_CLOEXEC);
  ::syscall(SYS_close_range, kFirstLibrary, 63U, 0);
  for (size_t i = 0; i < libraries.size(); ++i) {
    if (libraries.at(i) >= 0) ::dup2(libraries.at(i), static_cast<int>(kFirstLibrary + i));
  }
  ::syscall(SYS_close_range, 64U, ~0U, 0);
  std::vector<std::string> words = state.arguments;
  char* const environment[] = {nullptr};  // the worker's may hold secrets
  ::syscall(SYS_execveat, kLauncherSocket + 1, "", null_ended(words).data(), environment,
            AT_EMPTY_PATH);
  ::_exit(127);
}

struct LauncherProcess {
  UniqueFd pidfd;
  UniqueFd worker_end;  // of its socket, to be handed over
};

StepFailure start_launcher(const MonitorState& state, LauncherProcess& out) {
  auto pair = packet_socket_pair();
  if (!pair) return {Step::launcher_start, EMFILE, 0};
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return {Step::launcher_start, errno, 1};
  if (pid == 0) become_launcher(state, pair->second.get());
  out.pidfd.reset(pidfd);
  out.worker_end = std::move(pair->first);
  return {};
}

void tell(const MonitorState& state, const StepFailure& failure, const UniqueFd& socket) {
  wire::Life life;
  life.failure = failure;
  const int fd = socket.get();
  send_struct(state.worker.get(), life, socket ? std::span(&fd, 1) : std::span<const int>(),
              MSG_DONTWAIT);
}

// Until `process` (may be none) or the worker ends, or the time is over. True: the worker is gone.
bool wait(const MonitorState& state, const UniqueFd& process, int timeout_ms) {
  std::array<pollfd, 3> polls = {pollfd{state.worker.get(), 0, 0},
                                 pollfd{state.parent.get(), POLLIN, 0},
                                 pollfd{process.get(), POLLIN, 0}};
  while (::poll(polls.data(), polls.size(), timeout_ms) < 0 && errno == EINTR) {
  }
  return polls[0].revents != 0 || polls[1].revents != 0;
}

bool has_ended(const UniqueFd& process, milliseconds patience) {
  pollfd polled{process.get(), POLLIN, 0};
  while (::poll(&polled, 1, static_cast<int>(patience.count())) < 0 && errno == EINTR) {
  }
  return polled.revents != 0;
}

void reap(const UniqueFd& process) {
  siginfo_t info{};
  while (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(process.get()), &info,
                  WEXITED) != 0 &&
         errno == EINTR) {
  }
}

void end_launcher(const UniqueFd& process) {
  if (!has_ended(process, kOrderlyEnd)) {
    ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
  }
  reap(process);
  sweep_cgroups(find_own_cgroups());
}

// One launcher's life. True: the worker is gone, and so is the launcher.
bool serve_one_life(const MonitorState& state) {
  LauncherProcess launcher;
  const StepFailure failure = start_launcher(state, launcher);
  tell(state, failure, launcher.worker_end);
  launcher.worker_end.reset();
  if (failure.failed()) return false;
  const bool worker_gone = wait(state, launcher.pidfd, -1);
  if (worker_gone) {
    end_launcher(launcher.pidfd);
    return true;
  }
  reap(launcher.pidfd);
  // Only now are all its cells dead: the worker tells no result of theirs before.
  tell(state, {Step::launcher_lost, 0, -1}, UniqueFd());
  return false;
}

[[noreturn]] void run_monitor(const MonitorState& state) {
  milliseconds pause = kFirstPause;
  while (true) {
    const auto born = Clock::now();
    if (serve_one_life(state)) ::_exit(0);
    pause = Clock::now() - born >= kGoodLife ? kFirstPause : std::min(pause * 2, kLongestPause);
    if (wait(state, UniqueFd(), static_cast<int>(pause.count()))) ::_exit(0);
  }
}

// The monitor keeps nothing of the worker's but standard error: a pipe held open here would keep
// its reader waiting. It outlives Ctrl-C and an orderly stop of the service, which are the worker's
// to answer.
bool detach(MonitorState& state) {
  if (::setsid() < 0 || ::prctl(PR_SET_NAME, "kiln-monitor") != 0) return false;
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(number, SIG_IGN);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(null, 1) < 0) return false;
  int next = 3;
  std::vector<UniqueFd*> kept = {&state.worker, &state.parent, &state.binary};
  for (UniqueFd& library : state.libraries) {
    if (library) kept.push_back(&library);
  }
  for (UniqueFd* fd : kept) fd->reset(::fcntl(fd->get(), F_DUPFD_CLOEXEC, 64));
  for (UniqueFd* fd : kept) {
    fd->reset(::dup3(fd->get(), next++, O_CLOEXEC));
    if (!*fd) return false;
  }
  return ::syscall(SYS_close_range, next, ~0U, 0) == 0 && ::chdir("/") == 0;
}

// As launcher_main.cc reads them.
std::vector<std::string> launcher_arguments(const MonitorOptions& options) {
  std::vector<std::string> out = {"kiln-launcher",
                                  std::to_string(kLauncherSocket),
                                  std::to_string(options.first_uid),
                                  std::to_string(options.uid_count),
                                  std::to_string(options.cells_ahead),
                                  std::to_string(options.ahead_for.count())};
  for (const WarmImage& image : options.images) {
    out.insert(out.end(), {image.name, image.interpreter, image.source, image.modules, image.own});
  }
  return out;
}

// What lies beside the launcher.
Status load_libraries(const MonitorOptions& options, MonitorState& state) {
  const auto place = std::filesystem::path(options.launcher_path).parent_path();
  const auto load = [&](const char* name, UniqueFd& out) -> Status {
    auto copy = copy_to_memory_file("kiln-library", (place / name).c_str());
    if (!copy) return std::move(copy).error();
    out = std::move(*copy);
    return {};
  };
  if (!options.images.empty()) {
    if (Status s = load("_kiln_warm.abi3.so", state.libraries[0]); !s) return s;
  }
  // Without it programs have no module kiln, and nothing else is missing.
  (void)load("_kiln.abi3.so", state.libraries[1]);
  return {};
}

Status check_possible(const MonitorOptions& options) {
  if (::geteuid() != 0) {
    return Error{ErrorCode::sandbox, "programs can be isolated only when this is started as root",
                 "", "the user id is " + std::to_string(::geteuid()),
                 "Start it with sudo; it becomes an ordinary user as soon as the launcher runs"};
  }
  if (thread_count() != 1) {
    return Error{ErrorCode::sandbox, "the monitor must be forked before threads are started", "",
                 "", ""};
  }
  if (options.uid_count < 2 || options.first_uid == 0) {
    return field_error("uids", "the range of user ids is empty or begins with root");
  }
  if (options.images.size() > kMaxWarmImages) {
    return field_error("warm", "there are more than " + std::to_string(kMaxWarmImages) +
                                   " images of warm interpreters");
  }
  if (::access(options.launcher_path.c_str(), X_OK) != 0) {
    return errno_error(ErrorCode::sandbox, "run " + options.launcher_path, errno);
  }
  return {};
}

}  // namespace

Result<Monitor> fork_monitor(const MonitorOptions& options) {
  if (Status status = check_possible(options); !status) return std::move(status).error();
  MonitorState state;
  auto binary = copy_to_memory_file("kiln-launcher", options.launcher_path.c_str());
  if (!binary) return std::move(binary).error();
  auto pair = packet_socket_pair();
  if (!pair) return std::move(pair).error();
  state.binary = std::move(*binary);
  state.worker = std::move(pair->second);
  state.parent.reset(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  if (!state.parent) return errno_error(ErrorCode::sandbox, "open a pidfd of this process", errno);
  if (Status s = load_libraries(options, state); !s) return std::move(s).error();
  state.arguments = launcher_arguments(options);
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error(ErrorCode::sandbox, "fork the monitor", errno);
  if (pid == 0) {
    pair->first.reset();
    if (!detach(state)) ::_exit(1);
    run_monitor(state);
  }
  Monitor monitor;
  monitor.control = std::move(pair->first);
  monitor.pid = pid;
  return monitor;
}

}  // namespace kiln::sandbox
