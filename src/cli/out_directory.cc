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

// The directory that `path` lies in, made where it is missing, and the last name of the path.
Result<UniqueFd> directory_of(const UniqueFd& top, std::string_view path, std::string& name) {
  UniqueFd at(::fcntl(top.get(), F_DUPFD_CLOEXEC, 0));
  std::string_view rest = path;
  for (size_t slash = 0; at && (slash = rest.find('/')) != std::string_view::npos;) {
    const std::string part(rest.substr(0, slash));
    rest.remove_prefix(slash + 1);
    if (::mkdirat(at.get(), part.c_str(), 0777) != 0 && errno != EEXIST) break;
    at = enter(at.get(), part);
  }
  if (!at || rest.find('/') != std::string_view::npos) {
    return errno_error(ErrorCode::io_error, "write", errno);
  }
  name = rest;
  return at;
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

Result<OutDirectory::File> OutDirectory::File::make(const UniqueFd& top, const std::string& path) {
  File file;
  file.path_ = path;
  auto directory = directory_of(top, path, file.name_);
  if (!directory) return std::move(directory).error();
  file.directory_ = std::move(*directory);
  file.fd_ = new_file(file.directory_.get(), file.temporary_);
  if (!file.fd_) return errno_error(ErrorCode::io_error, "write", errno);
  return file;
}

OutDirectory::File::~File() {
  if (fd_ && !temporary_.empty()) ::unlinkat(directory_.get(), temporary_.c_str(), 0);
}

int OutDirectory::File::append(std::string_view bytes) {
  written_ += bytes.size();
  return write_bytes_to(fd_.get(), bytes) ? 0 : errno;
}

int OutDirectory::File::take_place() {
  const int at = directory_.get();
  if (::renameat(at, temporary_.c_str(), at, name_.c_str()) != 0) return errno;
  temporary_.clear();
  return 0;
}

Status OutDirectory::failed(std::string_view what, int error) const {
  return errno_error(ErrorCode::io_error, "write " + path_ + "/" + std::string(what), error);
}

Status OutDirectory::put(const FilePiece& piece) {
  if (!model::is_safe_path(piece.path)) {
    return Error{ErrorCode::malformed,
                 "the result has an artifact whose path leads out of " + path_, "", "",
                 "It was not written"};
  }
  if (!file_ || file_->path() != piece.path) {
    file_.reset();
    auto made = File::make(fd_, std::string(piece.path));
    if (!made) {
      Error error = std::move(made).error();
      error.message = "cannot write " + path_ + "/" + std::string(piece.path);
      return error;
    }
    file_.emplace(*std::move(made));
  }
  if (file_->written() + piece.bytes.size() > piece.size) {
    file_.reset();
    return Error{ErrorCode::malformed, "an artifact is longer than its size", "", "", ""};
  }
  int error = file_->append(piece.bytes);
  const bool whole = file_->written() == piece.size;
  if (error == 0 && whole) error = file_->take_place();
  if (error != 0 || whole) file_.reset();
  return error == 0 ? Status() : failed(piece.path, error);
}

}  // namespace kiln::cli
