#include "actors/broker_sample.h"

namespace kiln::actors {
namespace {

metrics::QueueSample queue_sample(const core::QueueView& view, WallTime now) {
  metrics::QueueSample sample;
  sample.queue = view.queue;
  sample.depth.assign(view.depth.begin(), view.depth.end());
  if (view.oldest) {
    const auto age = std::chrono::duration<double>(now - *view.oldest).count();
    sample.oldest_seconds = std::max(age, 0.0);  // the wall clock may have been put back
  }
  sample.paused = view.paused;
  sample.dead_letters = view.dead_letters;
  return sample;
}

}  // namespace

metrics::BrokerSample sample_of(const core::Scheduler& scheduler, WallTime now) {
  metrics::BrokerSample sample;
  for (const core::QueueView& view : scheduler.queues()) {
    sample.queues.push_back(queue_sample(view, now));
  }
  for (const core::WorkerView& view : scheduler.workers()) {
    sample.workers.push_back({view.name, view.slots, view.leases, view.up});
  }
  for (core::Unservable& lane : scheduler.unservable()) {
    sample.unservable.push_back({std::move(lane.queue), std::move(lane.language), lane.tasks});
  }
  return sample;
}

}  // namespace kiln::actors
