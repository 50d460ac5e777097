#include "sandbox/collector.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "sandbox/memory_file.h"
#include "sandbox/wire.h"

namespace kiln::sandbox {
namespace {

constexpr size_t kPiece = 256 * 1024;

// One name below `directory`, whatever the name says.
UniqueFd open_below(int directory, const char* name) {
  open_how how{};
  how.flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, directory, name, &how, sizeof how)));
}

// What is refused for what it is, before it is opened: a device would act, a FIFO has no content.
Refusal by_kind(const struct stat& status) {
  switch (status.st_mode & S_IFMT) {
    case S_IFDIR:
      return Refusal::none;
    case S_IFREG:
      return status.st_nlink == 1 ? Refusal::none : Refusal::hard_link;
    case S_IFLNK:
      return Refusal::link;
    case S_IFIFO:
      return Refusal::fifo;
    case S_IFSOCK:
      return Refusal::socket;
    default:
      return Refusal::device;
  }
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
         (a.st_mode & S_IFMT) == (b.st_mode & S_IFMT);
}

}  // namespace

bool is_plain_name(std::string_view name) {
  if (!model::is_utf8(name)) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (c < 0x20 || c == 0x7F) return false;
    // U+0080 to U+009F, which some terminals take for commands.
    if (c == 0xC2 && static_cast<unsigned char>(name[i + 1]) < 0xA0) return false;
  }
  return !name.empty();
}

Collector::Collector(int box, const CollectBounds& bounds) : bounds_(bounds), buffer_(kPiece) {
  copy_.reset(::memfd_create("kiln-artifacts", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!copy_) {
    error_ = errno;
  } else {
    open_root(box);
  }
}

void Collector::open_root(int box) {
  struct stat status {};
  if (::fstatat(box, kOutDirectory, &status, AT_SYMLINK_NOFOLLOW) != 0) return;  // it is gone
  if (!S_ISDIR(status.st_mode)) return refuse("", Refusal::not_directory);
  UniqueFd fd = open_below(box, kOutDirectory);
  if (!fd) return refuse("", Refusal::unreadable, static_cast<uint64_t>(errno));
  enter(std::move(fd), "");
}

bool Collector::step() {
  if (finished_ || error_ != 0) return false;
  if (file_) {
    copy_piece();
  } else if (directories_.empty()) {
    finish();
  } else if (Directory& top = directories_.back(); top.next == top.names.size()) {
    directories_.pop_back();
  } else {
    const std::string name = std::move(top.names[top.next++]);
    visit(top, name);
  }
  return !finished_ && error_ == 0;
}

void Collector::enter(UniqueFd fd, std::string prefix) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return refuse(prefix, Refusal::not_directory);
  }
  Directory directory{std::move(fd), std::move(prefix), {}, 0};
  read_names(directory.fd.get(), directory.names);
  directories_.push_back(std::move(directory));
}

// In order, so that which files are left out where there are too many is no accident.
void Collector::read_names(int fd, std::vector<std::string>& names) {
  if (entries_ > kMaxEntriesRead) return;  // said already
  UniqueFd own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  DIR* const stream = own ? ::fdopendir(own.get()) : nullptr;
  if (stream == nullptr) {
    error_ = errno;
    return;
  }
  static_cast<void>(own.release());
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (++entries_ > kMaxEntriesRead) break;
    names.emplace_back(name);
  }
  ::closedir(stream);
  if (entries_ > kMaxEntriesRead) refuse("", Refusal::too_many_entries);
  std::ranges::sort(names);
}

void Collector::visit(const Directory& in, const std::string& name) {
  const std::string path = in.prefix + name;
  struct stat seen {};
  if (!is_plain_name(name)) return refuse(path, Refusal::name);
  if (path.size() > kMaxArtifactPath) return refuse(path, Refusal::path_long);
  if (::fstatat(in.fd.get(), name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) != 0) {
    return refuse(path, Refusal::unreadable, static_cast<uint64_t>(errno));
  }
  if (const Refusal why = by_kind(seen); why != Refusal::none) return refuse(path, why);
  const bool is_directory = S_ISDIR(seen.st_mode);
  if (is_directory && directories_.size() >= kMaxArtifactDepth) {
    return refuse(path, Refusal::too_deep);
  }
  UniqueFd fd = open_below(in.fd.get(), name.c_str());
  struct stat opened {};
  if (!fd || ::fstat(fd.get(), &opened) != 0) {
    return refuse(path, Refusal::unreadable, static_cast<uint64_t>(errno));
  }
  if (!same_file(seen, opened)) return refuse(path, Refusal::unreadable, ESTALE);
  if (is_directory) return enter(std::move(fd), path + "/");
  begin_file(std::move(fd), path, static_cast<uint64_t>(opened.st_size));
}

void Collector::begin_file(UniqueFd fd, const std::string& path, uint64_t size) {
  if (size > static_cast<uint64_t>(bounds_.file_bytes)) {
    return refuse(path, Refusal::too_large, size);
  }
  if (files_ >= bounds_.files) return refuse(path, Refusal::too_many);
  if (bytes_ + static_cast<int64_t>(size) > bounds_.bytes) return refuse(path, Refusal::too_much);
  ++files_;
  bytes_ += static_cast<int64_t>(size);
  const uint64_t at = end_;
  put_record(at, Refusal::none, path, size);
  file_ = std::make_unique<File>(File{std::move(fd), path, size, 0, at});
  if (size == 0) end_file();
}

// No more than its size said; less can only be an error, since nobody is left to shorten it.
void Collector::copy_piece() {
  const size_t wanted = std::min<uint64_t>(kPiece, file_->size - file_->copied);
  const ssize_t got = ::read(file_->fd.get(), buffer_.data(), wanted);
  if (got < 0 && errno == EINTR) return;
  if (got <= 0) {
    const auto why = static_cast<uint64_t>(got < 0 ? errno : EIO);
    end_ = file_->record_at;
    const std::string path = file_->path;
    file_.reset();
    return refuse(path, Refusal::unreadable, why);
  }
  put(end_, buffer_.data(), static_cast<size_t>(got));
  end_ += static_cast<uint64_t>(got);
  file_->copied += static_cast<uint64_t>(got);
  if (file_->copied == file_->size) end_file();
}

void Collector::end_file() { file_.reset(); }

void Collector::refuse(const std::string& path, Refusal why, uint64_t detail) {
  if (++refused_ <= kMaxRefusalsListed) put_record(end_, why, path, detail);
}

void Collector::finish() {
  if (refused_ > kMaxRefusalsListed) {
    put_record(end_, Refusal::not_listed, "", refused_ - kMaxRefusalsListed);
  }
  finished_ = true;
  if (error_ != 0) return;
  // What a file that turned out unreadable had left behind the end.
  if (::ftruncate(copy_.get(), static_cast<off_t>(end_)) != 0 || !seal_memory_file(copy_.get())) {
    error_ = errno;
  }
}

void Collector::put_record(uint64_t at, Refusal why, const std::string& path, uint64_t size) {
  wire::ArtifactRecord record;
  record.refusal = static_cast<uint32_t>(why);
  record.path_bytes = static_cast<uint32_t>(path.size());
  record.size = size;
  put(at, &record, sizeof record);
  put(at + sizeof record, path.data(), path.size());
  end_ = at + sizeof record + path.size();
}

void Collector::put(uint64_t at, const void* data, size_t size) {
  const char* from = static_cast<const char*>(data);
  while (size > 0 && error_ == 0) {
    const ssize_t done = ::pwrite(copy_.get(), from, size, static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      error_ = done < 0 ? errno : EIO;
      return;
    }
    from += done;
    at += static_cast<uint64_t>(done);
    size -= static_cast<size_t>(done);
  }
}

}  // namespace kiln::sandbox
