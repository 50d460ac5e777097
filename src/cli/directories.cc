#include "cli/directories.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/fd.h"

namespace kiln::cli {
namespace {

// sun_path holds 108 bytes (unix(7)); /kiln-run-XXXXXX/workers takes 24 of them.
constexpr size_t kMaxSocketDirectory = 80;
constexpr mode_t kPrivate = 0700;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Error directory_error(const std::string& what, const std::string& path, const std::string& hint) {
  Error error = errno_error(ErrorCode::io_error, what + " the data directory " + path, errno);
  error.hint = hint;
  return error;
}

bool is_empty(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_empty(path, ignored);
}

// `fd` is the directory itself: what its name leads to may change meanwhile.
Status take_over(int fd, const std::string& path, const User& user) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return directory_error("look at", path, "");
  if (info.st_uid != user.uid) {
    if (!is_root() || info.st_uid != 0 || !is_empty(path)) {
      return Error{ErrorCode::io_error,
                   "the data directory " + path + " is not the user " + user.name + "'s", "", "",
                   "Use another with --data, or type: chown -R " + user.name + " " + path};
    }
    if (fchown(fd, user.uid, user.gid) != 0) return directory_error("hand over", path, "");
  }
  if ((info.st_mode & 07777U) != kPrivate && fchmod(fd, kPrivate) != 0) {
    return directory_error("close to others", path, "Type: chmod 700 " + path);
  }
  return {};
}

Result<TemporaryDirectory> none(const std::string& parent) {
  Error error = errno_error(ErrorCode::io_error, "make a directory in " + parent, errno);
  error.hint = "Set TMPDIR to a directory that is open to all";
  return error;
}

}  // namespace

std::string default_data_directory() {
  if (is_root()) return "/var/lib/kiln";
  if (const std::string state = environment("XDG_STATE_HOME"); !state.empty()) {
    return state + "/kiln";
  }
  return environment("HOME") + "/.local/state/kiln";
}

Status prepare_data_directory(const std::string& path, const User& user) {
  const std::string hint = "Name another directory with --data";
  const std::filesystem::path parent = std::filesystem::absolute(path).parent_path();
  std::error_code failure;
  std::filesystem::create_directories(parent, failure);
  if (failure) {
    errno = failure.value();
    return directory_error("make", path, hint);
  }
  if (mkdir(path.c_str(), kPrivate) != 0 && errno != EEXIST) {
    return directory_error("make", path, hint);
  }
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return directory_error("open", path, hint);
  return take_over(fd.get(), path, user);
}

Result<TemporaryDirectory> TemporaryDirectory::make() {
  std::string parent = environment("TMPDIR");
  if (parent.empty() || parent.size() > kMaxSocketDirectory || parent[0] != '/') parent = "/tmp";
  for (const std::string& place : {parent, std::string("/tmp")}) {
    std::string path = place + "/kiln-run-XXXXXX";
    if (mkdtemp(path.data()) != nullptr) return TemporaryDirectory(path);
  }
  return none(parent);
}

void TemporaryDirectory::remove() const {
  if (path_.empty()) return;
  std::error_code ignored;  // what is left in a temporary directory harms nobody
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace kiln::cli
