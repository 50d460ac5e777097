#include "tests/store/child.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace kiln::store {
namespace {

std::string read_all(int fd) {
  std::string out;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return out;
    out.append(buffer.data(), static_cast<size_t>(size));
  }
}

std::string failed(const std::string& what) { return what + ": " + std::strerror(errno); }

// A user that is not root gets the right to mount from a user namespace (user_namespaces(7)).
std::string become_root_inside() {
  const std::string map = "0 " + std::to_string(geteuid()) + " 1";
  if (unshare(CLONE_NEWUSER) != 0) return failed("unshare the user namespace");
  const int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
  const bool written = fd >= 0 && write(fd, map.data(), map.size()) > 0;
  if (fd >= 0) close(fd);
  return written ? "" : failed("write uid_map");
}

}  // namespace

std::string run_in_child(const std::function<std::string()>& work) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return failed("pipe2");
  const pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    close(ends[0]);
    const std::string said = work();
    const ssize_t size = write(ends[1], said.data(), said.size());
    _exit(size == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  close(ends[1]);
  const std::string said = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  if (waitpid(child, &status, 0) != child) return failed("waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return "the child ended with wait status " + std::to_string(status) + " " + said;
  }
  return said;
}

std::string mount_private_tmpfs(const std::string& directory, size_t bytes) {
  if (geteuid() != 0) {
    if (std::string why = become_root_inside(); !why.empty()) return why;
  }
  if (unshare(CLONE_NEWNS) != 0) return failed("unshare the mount namespace");
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed("make private");
  const std::string options = "size=" + std::to_string(bytes) + ",mode=0700";
  if (mount("tmpfs", directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return failed("mount a tmpfs");
  }
  return "";
}

}  // namespace kiln::store
