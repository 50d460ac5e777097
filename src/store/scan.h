// Reads all of a data directory in one snapshot, for an audit (model/audit.h). A broker may be
// using the directory: it is not disturbed, but its log cannot be shortened while the snapshot
// lasts.
//
// Memory: one task and its history at a time.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "model/audit.h"

namespace kiln::store {

inline constexpr int kMaxDamage = 20;  // breaches of the file's structure that are told

struct ScanSink {
  std::function<void(const model::StoredTask&)> task;  // by rising seq
  std::function<void(std::string)> damage;             // a sentence
};

// True if every task was read. A file whose structure is damaged is not read any further than that
// (false). Errors: io_error (no such directory, no right to read), corrupt (not a database of ours,
// of another version, or damaged so that it cannot be read), busy.
Result<bool> scan_sqlite_store(const std::string& directory, const ScanSink& sink);

}  // namespace kiln::store
