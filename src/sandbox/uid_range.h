// The users that cells run as. A host has one lock file; a launcher holds an open-file-description
// lock (fcntl(2), F_OFD_SETLK) on the bytes whose offsets are its user ids, so that two launchers
// never use one id. Ids that /etc/passwd, /etc/group, /etc/subuid or /etc/subgid know are not
// taken.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "sandbox/steps.h"

namespace kiln::sandbox {

// Of the program and of the init; the gids are the same numbers.
struct CellUids {
  uint32_t program = 0;
  uint32_t init = 0;
};

class UidRange {
 public:
  // Tries the blocks [first + k * count, + count) for k = 0, 1, ... until one is free.
  // Failure: uid_range with EBUSY when kMaxBlocks are taken, or what the lock file's open said.
  static std::optional<UidRange> lock(const std::string& lock_file, uint32_t first, uint32_t count,
                                      StepFailure& failure);

  uint32_t first() const { return first_; }
  size_t capacity() const { return taken_.size(); }  // cells
  // Two ids that no live cell has; nothing when all are in use.
  std::optional<CellUids> take();
  void give_back(const CellUids& uids);

  static constexpr uint32_t kMaxBlocks = 64;

 private:
  uint32_t first_ = 0;
  std::vector<bool> taken_;
  size_t next_ = 0;  // round robin: an id rests as long as possible
  UniqueFd lock_;
};

// Whether a line of passwd or group ("name:x:ID:...") or of subuid ("name:FIRST:COUNT") has an id
// in [first, first + count).
bool passwd_uses(std::string_view text, uint32_t first, uint32_t count);
bool subids_use(std::string_view text, uint32_t first, uint32_t count);

}  // namespace kiln::sandbox
