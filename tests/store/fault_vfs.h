// SQLite's own file layer with faults: the default VFS (https://www.sqlite.org/vfs.html) is
// wrapped, so that writes and syncs of the store's files are counted and can be made to fail.
#pragma once

#include <atomic>

namespace kiln::store {

struct FileFaults {
  std::atomic<int> syncs{0};  // of the database file and its log
  std::atomic<int> writes{0};
  std::atomic<bool> fail_log_syncs{false};
  std::atomic<bool> fail_log_writes{false};
  std::atomic<bool> fail_database_syncs{false};
};

// Makes the wrapper the default VFS of this process for good, once. Its faults are one for all.
FileFaults& file_faults();

}  // namespace kiln::store
