// How many byte-range locks (fcntl(2), F_SETLK and its like) the programs of a cell may ask for.
//
// Such locks are kernel memory that no control group counts, and nothing bounds how many one file
// has (RLIMIT_LOCKS means nothing since Linux 2.4). So the filter hands each such call to the
// cell's init (seccomp_unotify(2)): it lets the call go on while the budget lasts, and then answers
// ENOLCK. It looks at nothing that the program could change meanwhile; it only counts, releases
// too, since it cannot tell them apart. Its time is the cell's.
//
// Async-signal-safe.
#pragma once

#include <linux/filter.h>

#include <cstdint>

namespace kiln::sandbox {

inline constexpr int64_t kFileLockBytes = 192;  // struct file_lock
// Locks may take this share of the cell's memory limit, beside it.
inline constexpr int64_t kLockMemoryShare = 4;

class LockBudget {
 public:
  explicit LockBudget(int64_t memory_bytes)
      : left_(memory_bytes / kLockMemoryShare / kFileLockBytes) {}

  // Answers one waiting call. 0 or an errno; ENOENT: the caller died meanwhile.
  int answer_one(int listener);

 private:
  int64_t left_;
};

// Loads the filter; `listener` is where its questions are read. 0 or an errno.
int load_filter_with_listener(const sock_fprog& filter, int& listener);

}  // namespace kiln::sandbox
