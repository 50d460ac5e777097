#include "metrics/worker.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <array>
#include <atomic>

#include "metrics/registry.h"

namespace kiln::metrics {

class Worker::Impl {
 public:
  explicit Impl(std::string name) : version(std::move(name)) {
    using model::kFirstFallback;
    using model::kWarmStarts;
    for (size_t i = kFirstFallback; i < kWarmStarts.size(); ++i) {
      starts.at(i) = &registry.counter(Id::warm_fallbacks, {kWarmStarts.at(i)});
    }
    starts.at(static_cast<size_t>(model::WarmStart::warm)) = &registry.counter(Id::warm_forks);
  }
  std::string version;
  Registry registry;
  prometheus::Histogram& cells = registry.histogram(Id::cell_build);
  std::array<prometheus::Counter*, model::kWarmStarts.size()> starts{};  // null: not counted
  std::atomic<uint32_t> ready{0};
};

Worker::Worker(std::string version) : impl_(std::make_unique<Impl>(std::move(version))) {}
Worker::~Worker() = default;

void Worker::cell_built(Duration time) {
  impl_->cells.Observe(std::chrono::duration<double>(time).count());
}

void Worker::cells_ready(uint32_t count) { impl_->ready = count; }

void Worker::program_started(model::WarmStart start) {
  prometheus::Counter* const counter = impl_->starts.at(static_cast<size_t>(start));
  if (counter != nullptr) counter->Increment();
}

std::string Worker::text() const {
  Sampled sampled;
  sampled.set(Id::cells_ready, {}, impl_->ready);
  sampled.set(Id::build_info, {impl_->version}, 1);
  return impl_->registry.text(sampled);
}

}  // namespace kiln::metrics
