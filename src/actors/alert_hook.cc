#include "actors/alert_hook.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "log/log.h"

namespace kiln::actors {
namespace {

std::string words_of(int error) { return std::system_category().message(error); }

// A file in memory with this content, at its start.
UniqueFd file_of(const std::string& content) {
  UniqueFd file(memfd_create("kiln-alert", MFD_CLOEXEC));
  if (!file) return file;
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t n =
        pwrite(file.get(), content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (n <= 0) return UniqueFd();
    done += static_cast<size_t>(n);
  }
  return file;
}

// How posix_spawn(3) is to start it: a session of its own, no signal blocked or ignored, our input,
// no output.
class SpawnPlan {
 public:
  explicit SpawnPlan(int input) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  // 0, or an errno.
  int shell(const std::string& command, pid_t& pid) {
    std::string sh = "sh";
    std::string dash_c = "-c";
    std::string text = command;
    std::array<char*, 4> argv{sh.data(), dash_c.data(), text.data(), nullptr};
    return posix_spawn(&pid, "/bin/sh", &actions_, &attributes_, argv.data(), environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::string ended_how(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  if (WIFEXITED(status)) return "it ended with exit code " + std::to_string(WEXITSTATUS(status));
  return "it ended by signal " + std::to_string(WTERMSIG(status));
}

}  // namespace

AlertHook::AlertHook(std::string command, Duration time)
    : command_(std::move(command)),
      time_(time),
      stop_event_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { work(); }) {}

AlertHook::~AlertHook() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  eventfd_write(stop_event_.get(), 1);
  thread_.join();
}

void AlertHook::tell(std::string json_line) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= kMaxAlertsWaiting) {
    ++dropped_;
    return;
  }
  waiting_.push_back(std::move(json_line));
  changed_.notify_one();
}

void AlertHook::work() {
  for (;;) {
    std::string input;
    size_t dropped = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      for (size_t i = 0; i < kMaxAlertsInOneRun && !waiting_.empty(); ++i) {
        input += waiting_.front() + "\n";
        waiting_.pop_front();
      }
      dropped = std::exchange(dropped_, 0);
    }
    if (dropped > 0) log::warning("alerts were dropped", {{"count", dropped}});
    const std::string wrong = run(input);
    if (!wrong.empty()) log::warning("the alert command failed", {{"cause", wrong}});
  }
}

std::string AlertHook::run(const std::string& input) {
  const UniqueFd file = file_of(input);
  if (!file) return "no file for its input: " + words_of(errno);
  pid_t pid = 0;
  const int error = SpawnPlan(file.get()).shell(command_, pid);
  if (error != 0) return "it cannot be started: " + words_of(error);
  return wait_for(pid);
}

// The pid stays ours until waitpid takes it, so signals to it and its group reach nobody else.
std::string AlertHook::wait_for(int pid) {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  std::array<pollfd, 2> watched{pollfd{process.get(), POLLIN, 0},
                                pollfd{stop_event_.get(), POLLIN, 0}};
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time_).count();
  int ready = -1;
  if (process) {
    do {
      ready = poll(watched.data(), watched.size(), static_cast<int>(ms));
    } while (ready < 0 && errno == EINTR);
  }
  const bool ended = ready > 0 && (watched[0].revents & POLLIN) != 0;
  if (!ended) kill(-pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (ended) return ended_how(status);
  return ready == 0 ? "it took longer than " + std::to_string(ms) + " ms and was killed"
                    : "it was killed, since the broker stops";
}

}  // namespace kiln::actors
