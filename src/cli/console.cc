#include "cli/console.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

namespace kiln::cli {

void say(std::string_view text) {
  std::string line = "kiln: " + std::string(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20U; }, ' ');
  line += '\n';
  // A failed write to standard error can be told to nobody.
  write_bytes(STDERR_FILENO, line, -1);
}

Status print_line(std::string_view text) {
  const Written written = write_bytes(STDOUT_FILENO, std::string(text) + "\n", -1);
  if (written == Written::all) return {};
  return errno_error(ErrorCode::io_error, "write to standard output", errno);
}

Written write_bytes(int fd, std::string_view bytes, int wake_fd) {
  while (!bytes.empty()) {
    std::array<pollfd, 2> polled = {pollfd{fd, POLLOUT, 0}, pollfd{wake_fd, POLLIN, 0}};
    if (poll(polled.data(), polled.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return Written::failed;
    }
    if ((polled[1].revents & POLLIN) != 0) return Written::interrupted;
    const ssize_t count = write(fd, bytes.data(), std::min<size_t>(bytes.size(), PIPE_BUF));
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno != EINTR && errno != EAGAIN) {
      return errno == EPIPE ? Written::closed : Written::failed;
    }
  }
  return Written::all;
}

}  // namespace kiln::cli
