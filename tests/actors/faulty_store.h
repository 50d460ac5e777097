// A memory store that outlives the broker's use of it and whose commits fail on demand.
#pragma once

#include <atomic>
#include <memory>

#include "actors/broker_node.h"

namespace kiln::actors {

struct Faults {
  std::atomic<bool> commits_fail = false;
  std::atomic<int> failed = 0;  // commits that were refused
  std::atomic<int> opened = 0;  // times the store was opened
  std::atomic<ErrorCode> code = ErrorCode::io_error;
};

// Each opening gives the same rows.
StoreOpener faulty_store(std::shared_ptr<Faults> faults);

}  // namespace kiln::actors
