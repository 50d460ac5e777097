#include "store/sqlite_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace kiln::store {
namespace {

constexpr mode_t kPrivate = 0600;

Error file_error(const std::string& what, int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  Error error = errno_error(full ? ErrorCode::busy : ErrorCode::io_error, what, error_number);
  error.hint = full ? "Make room on the disk of the data directory"
                    : "The data directory must exist and belong to the user that runs the broker";
  return error;
}

// The process id that the holder wrote, or "" if there is none to be read.
std::string holder(int fd) {
  std::array<char, 20> text{};
  const ssize_t size = pread(fd, text.data(), text.size(), 0);
  std::string digits;
  for (ssize_t i = 0;
       i < size && text.at(static_cast<size_t>(i)) >= '0' && text.at(static_cast<size_t>(i)) <= '9';
       ++i) {
    digits.push_back(text.at(static_cast<size_t>(i)));
  }
  return digits;
}

Error held_error(const std::string& directory, int fd) {
  const std::string process = holder(fd);
  return Error{ErrorCode::busy, "another broker uses the data directory " + directory, "",
               process.empty() ? "" : "process " + process + " holds its lock",
               "Stop that broker, or give this one a data directory of its own"};
}

// Only the message of a refused second broker needs it, so a failure is no error.
void write_holder(int fd) {
  const std::string text = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) != 0) return;
  [[maybe_unused]] const ssize_t written = pwrite(fd, text.data(), text.size(), 0);
}

}  // namespace

Result<UniqueFd> lock_directory(const std::string& directory) {
  const std::string path = directory + "/lock";
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kPrivate));
  if (!fd) return file_error("open " + path, errno);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return held_error(directory, fd.get());
    return file_error("lock " + path, errno);
  }
  write_holder(fd.get());
  return fd;
}

Status create_private_file(const std::string& directory, const std::string& path) {
  // O_EXCL: an existing file is left alone. To open and close it would drop the POSIX locks that
  // SQLite may hold on it in this process (fcntl(2)).
  const UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kPrivate));
  if (!fd && errno == EEXIST) return {};
  if (!fd) return file_error("create " + path, errno);
  const UniqueFd parent(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent || fsync(parent.get()) != 0) return file_error("sync " + directory, errno);
  return {};
}

}  // namespace kiln::store
