#include "cli/out_directory.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "model/paths.h"

namespace kiln::cli {
namespace {

constexpr int kMaxNameTries = 100;

// One name below `directory`, which is a directory itself.
UniqueFd enter(int directory, const std::string& name) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how)));
}

bool write_bytes_to(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

// A new file in `directory`, and its name.
UniqueFd new_file(int directory, std::string& name) {
  for (int i = 0; i < kMaxNameTries; ++i) {
    name = ".kiln-" + std::to_string(::getpid()) + "-" + std::to_string(i);
    UniqueFd fd(::openat(directory, name.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (fd || errno != EEXIST) return fd;
  }
  return {};
}

// 0 or an errno.
int replace_file(int directory, const std::string& name, std::string_view bytes) {
  std::string temporary;
  const UniqueFd file = new_file(directory, temporary);
  if (!file) return errno;
  if (write_bytes_to(file.get(), bytes) &&
      ::renameat(directory, temporary.c_str(), directory, name.c_str()) == 0) {
    return 0;
  }
  const int error = errno;
  ::unlinkat(directory, temporary.c_str(), 0);
  return error;
}

}  // namespace

Result<OutDirectory> OutDirectory::open(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    return errno_error(ErrorCode::io_error, "make the directory " + path, errno);
  }
  UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno_error(ErrorCode::io_error, "open the directory " + path, errno);
  if (::faccessat(fd.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
    return errno_error(ErrorCode::io_error, "write into the directory " + path, errno);
  }
  return OutDirectory(path, std::move(fd));
}

Status OutDirectory::failed(const std::string& what, int error) const {
  return errno_error(ErrorCode::io_error, "write " + path_ + "/" + what, error);
}

Status OutDirectory::write(const model::Artifact& artifact) const {
  if (!model::is_safe_path(artifact.path)) {
    return Error{ErrorCode::malformed,
                 "the result has an artifact whose path leads out of " + path_, "", "",
                 "It was not written"};
  }
  UniqueFd below;
  int at = fd_.get();
  std::string_view rest = artifact.path;
  for (size_t slash = 0; (slash = rest.find('/')) != std::string_view::npos;) {
    const std::string part(rest.substr(0, slash));
    rest.remove_prefix(slash + 1);
    if (::mkdirat(at, part.c_str(), 0777) != 0 && errno != EEXIST) {
      return failed(artifact.path, errno);
    }
    UniqueFd next = enter(at, part);
    if (!next) return failed(artifact.path, errno);
    below = std::move(next);
    at = below.get();
  }
  const int error = replace_file(at, std::string(rest), artifact.bytes);
  return error == 0 ? Status() : failed(artifact.path, error);
}

Status OutDirectory::write_all(const std::vector<model::Artifact>& artifacts) const {
  Status first;
  for (const model::Artifact& artifact : artifacts) {
    Status status = write(artifact);
    if (!status && first) first = std::move(status);
  }
  return first;
}

}  // namespace kiln::cli
