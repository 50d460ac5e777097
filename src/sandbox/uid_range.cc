#include "sandbox/uid_range.h"

#include <fcntl.h>

#include <cerrno>
#include <charconv>
#include <sstream>

#include "sandbox/files.h"

namespace kiln::sandbox {
namespace {

// The fields at `first_field` and after it of each line, as numbers.
template <class Visit>
bool any_line(std::string_view text, size_t field, Visit visit) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string word;
    std::vector<uint64_t> numbers;
    for (size_t i = 0; std::getline(fields, word, ':'); ++i) {
      if (i < field) continue;
      uint64_t value = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      if (error != std::errc() || end != word.data() + word.size()) break;
      numbers.push_back(value);
    }
    if (visit(numbers)) return true;
  }
  return false;
}

bool known_to_host(uint32_t first, uint32_t count) {
  for (const char* path : {"/etc/passwd", "/etc/group"}) {
    if (passwd_uses(read_file(AT_FDCWD, path).value_or(""), first, count)) return true;
  }
  for (const char* path : {"/etc/subuid", "/etc/subgid"}) {
    if (subids_use(read_file(AT_FDCWD, path).value_or(""), first, count)) return true;
  }
  return false;
}

int lock_bytes(int fd, uint32_t first, uint32_t count) {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = first;
  range.l_len = count;
  return ::fcntl(fd, F_OFD_SETLK, &range) == 0 ? 0 : errno;
}

}  // namespace

bool passwd_uses(std::string_view text, uint32_t first, uint32_t count) {
  return any_line(text, 2, [&](const std::vector<uint64_t>& n) {
    return !n.empty() && n[0] >= first && n[0] < uint64_t{first} + count;
  });
}

bool subids_use(std::string_view text, uint32_t first, uint32_t count) {
  return any_line(text, 1, [&](const std::vector<uint64_t>& n) {
    return n.size() >= 2 && n[0] < uint64_t{first} + count && n[0] + n[1] > first;
  });
}

std::optional<UidRange> UidRange::lock(const std::string& lock_file, uint32_t first, uint32_t count,
                                       StepFailure& failure) {
  UidRange out;
  out.lock_.reset(::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  failure = {Step::uid_range, errno, -1};
  if (!out.lock_) return std::nullopt;
  failure.error = EBUSY;
  for (uint32_t block = 0; block < kMaxBlocks; ++block) {
    const uint32_t start = first + block * count;
    if (known_to_host(start, count) || lock_bytes(out.lock_.get(), start, count) != 0) continue;
    out.first_ = start;
    out.taken_.assign(count / 2, false);
    failure = {};
    return out;
  }
  return std::nullopt;
}

std::optional<CellUids> UidRange::take() {
  for (size_t tried = 0; tried < taken_.size(); ++tried) {
    const size_t at = next_;
    next_ = (next_ + 1) % taken_.size();
    if (taken_[at]) continue;
    taken_[at] = true;
    const auto program = first_ + static_cast<uint32_t>(2 * at);
    return CellUids{program, program + 1};
  }
  return std::nullopt;
}

void UidRange::give_back(const CellUids& uids) { taken_[(uids.program - first_) / 2] = false; }

}  // namespace kiln::sandbox
