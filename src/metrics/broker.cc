#include "metrics/broker.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <array>
#include <unordered_map>

namespace kiln::metrics {
namespace {

using model::RetryReason;
using model::TaskState;
using model::Verdict;

constexpr std::array kLiveStates = {TaskState::scheduled, TaskState::queued, TaskState::joined,
                                    TaskState::running, TaskState::retrying};
constexpr std::array<std::string_view, 3> kCacheUses = {"hit", "miss", "joined"};

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

// The series of one queue.
struct Broker::Queue {
  Queue(Registry& registry, std::string_view name)
      : submitted(registry.counter(Id::tasks_submitted, {name})),
        wait(registry.histogram(Id::queue_wait, {name})) {
    for (size_t s = 0; s < model::kTaskStateCount; ++s) {
      for (size_t v = 0; v < model::kVerdictCount; ++v) {
        const auto state = static_cast<TaskState>(s);
        const auto verdict = static_cast<Verdict>(v);
        if (is_possible_end(state, verdict)) finished(registry, name, state, verdict);
      }
    }
    for (size_t r = 0; r < model::kRetryReasonCount; ++r) {
      const auto reason = model::to_string(static_cast<RetryReason>(r));
      retries.at(r) = &registry.counter(Id::task_retries, {name, reason});
    }
  }

  prometheus::Counter& finished(Registry& registry, std::string_view name, TaskState state,
                                Verdict verdict) {
    auto*& counter = ends.at(static_cast<size_t>(state)).at(static_cast<size_t>(verdict));
    if (counter == nullptr) {
      counter = &registry.counter(Id::tasks_finished,
                                  {name, model::to_string(state), model::to_string(verdict)});
    }
    return *counter;
  }

  prometheus::Counter& submitted;
  prometheus::Histogram& wait;
  std::array<std::array<prometheus::Counter*, model::kVerdictCount>, model::kTaskStateCount> ends{};
  std::array<prometheus::Counter*, model::kRetryReasonCount> retries{};
};

class Broker::Impl {
 public:
  explicit Impl(std::string version) : version_(std::move(version)) {
    for (size_t v = 0; v < model::kVerdictCount; ++v) {
      const auto verdict = static_cast<Verdict>(v);
      if (verdict == Verdict::none) continue;  // of what never ran
      run.at(v) = &registry.histogram(Id::task_run, {model::to_string(verdict)});
    }
    for (size_t i = 0; i < kCacheUses.size(); ++i) {
      cache.at(i) = &registry.counter(Id::cache_requests, {kCacheUses.at(i)});
    }
    queue("default");
  }

  // The label and series of this queue, or those that all further ones share.
  std::pair<const std::string, Queue>& queue(const std::string& name) {
    const auto known = queues_.find(name);
    if (known != queues_.end()) return *known;
    const std::string label = queues_.size() < kMaxQueueLabels ? name : kOtherLabel;
    return *queues_.try_emplace(label, registry, label).first;
  }

  void fill(const std::optional<BrokerSample>& sample, MonoTime now, Sampled& sampled) {
    sampled.set(Id::build_info, {version_}, 1);
    if (sample) {
      sample_queues(*sample, sampled);
      sample_workers(*sample, now, sampled);
      sample_unservable(*sample, sampled);
      sample_net(*sample, sampled);
    }
  }

  mutable std::mutex mutex;  // guards the tables; the registry has locks of its own
  Registry registry;
  std::array<prometheus::Histogram*, model::kVerdictCount> run{};
  prometheus::Histogram& setup = registry.histogram(Id::task_setup);
  std::array<prometheus::Counter*, kCacheUses.size()> cache{};
  prometheus::Counter& leases_expired = registry.counter(Id::leases_expired);
  prometheus::Counter& leases_refused = registry.counter(Id::leases_refused);
  prometheus::Counter& stale_results = registry.counter(Id::stale_results);
  prometheus::Histogram& commit_time = registry.histogram(Id::commit_time);
  prometheus::Histogram& commit_size = registry.histogram(Id::commit_size);
  std::map<std::string, MonoTime> lost;  // workers, and when

 private:
  // Queues that were seen once stay at 0 when they are empty.
  void sample_queues(const BrokerSample& sample, Sampled& sampled) {
    std::map<std::string, QueueSample> by_label;
    for (const QueueSample& one : sample.queues) {
      QueueSample& sum = by_label[queue(one.queue).first];
      sum.depth.resize(model::kTaskStateCount);
      for (size_t s = 0; s < one.depth.size(); ++s) sum.depth.at(s) += one.depth.at(s);
      sum.oldest_seconds = std::max(sum.oldest_seconds, one.oldest_seconds);
      sum.paused = sum.paused || one.paused;
      sum.dead_letters += one.dead_letters;
    }
    for (const auto& [label, series] : queues_) {
      QueueSample& one = by_label[label];
      one.depth.resize(model::kTaskStateCount);
      for (const TaskState state : kLiveStates) {
        sampled.set(Id::queue_depth, {label, model::to_string(state)},
                    static_cast<double>(one.depth.at(static_cast<size_t>(state))));
      }
      sampled.set(Id::queue_oldest, {label}, one.oldest_seconds);
      sampled.set(Id::queue_paused, {label}, one.paused ? 1 : 0);
      sampled.set(Id::dead_letters, {label}, static_cast<double>(one.dead_letters));
    }
  }

  // Several instances may have one name. One that is back is not lost any more.
  void sample_workers(const BrokerSample& sample, MonoTime now, Sampled& sampled) {
    std::map<std::string, WorkerSample> by_label;
    for (const WorkerSample& one : sample.workers) {
      lost.erase(one.name);
      const bool room = by_label.contains(one.name) || by_label.size() < kMaxWorkerLabels;
      const auto [sum, fresh] = by_label.try_emplace(room ? one.name : kOtherLabel);
      sum->second.slots += one.slots;
      sum->second.busy += std::min(one.busy, one.slots);
      sum->second.up = (!fresh && sum->second.up) || one.up;
    }
    std::erase_if(lost, [now](const auto& one) { return now - one.second > kLostWorkerShown; });
    for (const auto& [label, one] : by_label) {
      sampled.set(Id::worker_up, {label}, one.up ? 1 : 0);
      sampled.set(Id::worker_slots, {label, "busy"}, one.busy);
      sampled.set(Id::worker_slots, {label, "free"}, one.slots - one.busy);
    }
    for (const auto& [label, since] : lost) sampled.set(Id::worker_up, {label}, 0);
  }

  void sample_unservable(const BrokerSample& sample, Sampled& sampled) {
    std::map<std::pair<std::string, std::string>, uint64_t> by_label;
    for (const UnservableSample& one : sample.unservable) {
      const std::pair pair(queue(one.queue).first, one.language);
      const bool room = by_label.contains(pair) || by_label.size() < kMaxUnservableLabels;
      by_label[room ? pair : std::pair<std::string, std::string>(kOtherLabel, kOtherLabel)] +=
          one.tasks;
    }
    for (const auto& [label, tasks] : by_label) {
      sampled.set(Id::tasks_unservable, {label.first, label.second}, static_cast<double>(tasks));
    }
  }

  static void sample_net(const BrokerSample& sample, Sampled& sampled) {
    for (const auto& [reason, count] : sample.rejected) {
      sampled.set(Id::net_rejected, {reason}, static_cast<double>(count));
    }
    for (const auto& [way, count] : sample.messages) {
      sampled.set(Id::net_messages, {way.first, way.second}, static_cast<double>(count));
    }
  }

  std::string version_;
  std::unordered_map<std::string, Queue> queues_;
};

Broker::Broker(std::string version) : impl_(std::make_unique<Impl>(std::move(version))) {}
Broker::~Broker() = default;

void Broker::submitted(const std::string& queue) {
  const std::lock_guard lock(impl_->mutex);
  impl_->queue(queue).second.submitted.Increment();
}

void Broker::finished(const std::string& queue, TaskState state, Verdict verdict) {
  const std::lock_guard lock(impl_->mutex);
  auto& [label, series] = impl_->queue(queue);
  series.finished(impl_->registry, label, state, verdict).Increment();
}

void Broker::retried(const std::string& queue, RetryReason reason) {
  const std::lock_guard lock(impl_->mutex);
  impl_->queue(queue).second.retries.at(static_cast<size_t>(reason))->Increment();
}

void Broker::waited(const std::string& queue, Duration time) {
  const std::lock_guard lock(impl_->mutex);
  impl_->queue(queue).second.wait.Observe(seconds(time));
}

void Broker::ran(Verdict verdict, Duration run, Duration setup) {
  auto* histogram = impl_->run.at(static_cast<size_t>(verdict));
  if (histogram == nullptr) return;
  histogram->Observe(seconds(run));
  impl_->setup.Observe(seconds(setup));
}

void Broker::cache_used(CacheUse use) { impl_->cache.at(static_cast<size_t>(use))->Increment(); }
void Broker::lease_expired() { impl_->leases_expired.Increment(); }
void Broker::lease_refused() { impl_->leases_refused.Increment(); }
void Broker::stale_result() { impl_->stale_results.Increment(); }

void Broker::committed(Duration time, size_t writes) {
  impl_->commit_time.Observe(seconds(time));
  impl_->commit_size.Observe(static_cast<double>(writes));
}

void Broker::worker_lost(const std::string& name, MonoTime now) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->lost.size() < kMaxWorkerLabels) impl_->lost[name] = now;
}

void Broker::worker_left(const std::string& name) {
  const std::lock_guard lock(impl_->mutex);
  impl_->lost.erase(name);
}

std::string Broker::text(const std::optional<BrokerSample>& sample, MonoTime now) {
  Sampled sampled;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->fill(sample, now, sampled);
  }
  return impl_->registry.text(sampled);  // takes long: nobody who counts waits for it
}

}  // namespace kiln::metrics
