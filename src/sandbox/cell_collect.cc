// The part of a cell's end in which its artifacts are copied out.
#include <ctime>

#include "sandbox/cell.h"

namespace kiln::sandbox {

bool Cell::wants_artifacts() const {
  constexpr uint32_t kNobodyWaits = wire::kCancelled | wire::kShutdown;
  return collect_file_bytes_ > 0 && box_.valid() && !finished_.failure.failed() &&
         (finished_.causes & kNobodyWaits) == 0;
}

void Cell::start_collecting() {
  state_ = State::collecting;
  const CollectBounds bounds{limits_.artifact_files, limits_.artifact_bytes,
                             static_cast<int64_t>(collect_file_bytes_)};
  collector_ = std::make_unique<Collector>(box_.get(), bounds);
}

// The caller comes again at once until it is done.
void Cell::collect_some(int64_t now_us) {
  while (collector_->step()) {
    if (monotonic_us() - now_us > kCollectSliceUs) return;
  }
  if (const int error = collector_->error()) {
    finished_.failure = {Step::collect, error, -1};
  } else {
    artifacts_ = collector_->take();
  }
  end_collecting();
}

void Cell::end_collecting() {
  collector_.reset();
  start_emptying();
}

}  // namespace kiln::sandbox
