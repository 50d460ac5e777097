#include "sandbox/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <vector>

namespace kiln::sandbox {
namespace {

constexpr size_t kCopyChunk = 1U << 20U;
constexpr int kSealTries = 20;
// linux/memfd.h of kernel 6.3 and later; an older kernel makes every memory file executable and
// refuses the flag.
constexpr unsigned kExecutable = 0x10;

Error failed(const char* what) { return errno_error(ErrorCode::io_error, what, errno); }

bool write_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t put = ::write(fd, data, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    data += put;
    size -= static_cast<size_t>(put);
  }
  return true;
}

bool copy_all(int from, int to) {
  std::vector<char> chunk(kCopyChunk);
  while (true) {
    const ssize_t got = ::read(from, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    if (!write_all(to, chunk.data(), static_cast<size_t>(got))) return false;
  }
}

}  // namespace

bool seal_memory_file(int fd) {
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  // EBUSY: for a moment something of the kernel's own (compaction, say) holds a page of the file.
  // It has waited some 150 ms for that by then (mm/memfd.c).
  int tries = kSealTries;
  int sealed = -1;
  do {
    sealed = ::fcntl(fd, F_ADD_SEALS, kSeals);
  } while (sealed != 0 && errno == EBUSY && --tries > 0);
  return sealed == 0 && ::lseek(fd, 0, SEEK_SET) == 0;
}

Result<UniqueFd> make_memory_file(const char* name, std::string_view bytes) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return failed("make a file in memory");
  if (!write_all(fd.get(), bytes.data(), bytes.size()) || !seal_memory_file(fd.get())) {
    return failed("fill a file in memory");
  }
  return fd;
}

Result<UniqueFd> copy_to_memory_file(const char* name, const char* path) {
  const UniqueFd source(::open(path, O_RDONLY | O_CLOEXEC));
  if (!source) return failed("open the file");
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | kExecutable));
  if (!fd && errno == EINVAL) fd.reset(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return failed("make a file in memory");
  if (!copy_all(source.get(), fd.get()) || !seal_memory_file(fd.get())) {
    return failed("fill a file in memory");
  }
  return fd;
}

bool is_sealed(int fd) {
  constexpr int kNeeded = F_SEAL_WRITE | F_SEAL_SHRINK;
  const int seals = ::fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & kNeeded) == kNeeded;
}

}  // namespace kiln::sandbox
