#include "net/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"

namespace kiln::net {
namespace {

Error cannot_read(const std::string& path, int error_number) {
  return errno_error(ErrorCode::io_error, "read '" + path + "'", error_number);
}

}  // namespace

// NONBLOCK: the open of a FIFO would wait for a writer.
Result<SmallFile> read_small_file(const std::string& path, size_t max_bytes) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return cannot_read(path, errno);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return cannot_read(path, errno);
  if (!S_ISREG(info.st_mode)) {
    return Error{ErrorCode::invalid_argument, "'" + path + "' is no regular file", "", "", ""};
  }
  SmallFile out{std::string(max_bytes + 1, '\0'), info.st_mode};
  size_t size = 0;
  while (size < out.text.size()) {
    const ssize_t got = read(fd.get(), out.text.data() + size, out.text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path, errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > max_bytes) {
    return Error{ErrorCode::too_large,
                 "'" + path + "' has more than " + std::to_string(max_bytes) + " bytes", "", "",
                 ""};
  }
  out.text.resize(size);
  return out;
}

}  // namespace kiln::net
