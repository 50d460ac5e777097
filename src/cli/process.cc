#include "cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace kiln::cli {
namespace {

// glibc of Debian 12 has the call in a header that is not made for C++; so by number.
UniqueFd open_pidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

}  // namespace

Result<Child> fork_child(const std::string& name, const std::function<int(UniqueFd ready)>& body) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error(ErrorCode::internal, "pipe", errno);
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return errno_error(ErrorCode::internal, "fork the " + name, errno);
  if (pid == 0) {
    setpgid(0, 0);
    read_end.reset();
    _exit(body(std::move(write_end)));
  }
  return Child{pid, open_pidfd(pid), std::move(read_end), name};
}

std::optional<int> wait_for_end(pid_t pid, Duration patience) {
  const UniqueFd pidfd = open_pidfd(pid);
  pollfd polled{pidfd.get(), POLLIN, 0};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
  const MonoTime deadline = real_now().mono + patience;
  int ready = 0;
  do {
    ready = poll(&polled, 1, static_cast<int>(ms));
  } while (ready < 0 && errno == EINTR && real_now().mono < deadline);
  int status = 0;
  if (ready != 1 || waitpid(pid, &status, 0) != pid) return std::nullopt;
  return status;
}

std::string describe_end(int wait_status) {
  if (WIFSIGNALED(wait_status)) return "signal " + std::to_string(WTERMSIG(wait_status));
  return "exit code " + std::to_string(WEXITSTATUS(wait_status));
}

}  // namespace kiln::cli
