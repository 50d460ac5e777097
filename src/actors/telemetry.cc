// Telemetry: what the core said happened goes into the metrics and the log. It holds nothing
// itself.
//
// The line for an attempt is written here, in the broker, since only the broker knows whether a
// result counted: a worker cannot tell a result that was taken from one that was fenced, may send
// one twice, and does not know how often the task was tried. It is told behind the commit, so a
// line stands for what is stored, once.
#include <limits>

#include "actors/actor.h"
#include "log/log.h"

namespace kiln::actors {
namespace {

using core::Counter;

constexpr double kBytesPerMb = 1'048'576;
constexpr int64_t kUsPerMs = 1'000;

// The larger of what was charged and what was resident: a program forked from a warm one is charged
// little. NaN, which the log writes as null: the kernel has neither counter.
double memory_mb(const model::Cost& cost) {
  const int64_t bytes =
      std::max(cost.memory_charged_bytes.value_or(-1), cost.memory_rss_bytes.value_or(-1));
  if (bytes < 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(bytes) / kBytesPerMb;
}

void log_execution(const core::AttemptEnded& ended) {
  log::event("execution", {{"task_id", to_string(ended.id)},
                           {"code_hash", to_hex(ended.code_hash)},
                           {"success", ended.verdict == model::Verdict::ok},
                           {"execution_time_ms", ended.cost.wall_us / kUsPerMs},
                           {"memory_used_mb", memory_mb(ended.cost)},
                           {"retry_count", ended.attempt - 1},
                           {"worker_id", ended.worker}});
}

struct TelemetryState {
  static inline const char* name = "telemetry";
  std::shared_ptr<metrics::Broker> counted;

  void take(const core::Count& count) const {
    switch (count.counter) {
      case Counter::submitted:
        return counted->submitted(count.queue);
      case Counter::finished: {
        const auto& end = std::get<core::EndOf>(count.of);
        return counted->finished(count.queue, end.state, end.verdict);
      }
      case Counter::retried:
        return counted->retried(count.queue, std::get<model::RetryReason>(count.of));
      case Counter::cache_hits:
        return counted->cache_used(metrics::CacheUse::hit);
      case Counter::cache_misses:
        return counted->cache_used(metrics::CacheUse::miss);
      case Counter::joined:
        return counted->cache_used(metrics::CacheUse::joined);
      case Counter::leases_expired:
        return counted->lease_expired();
      case Counter::stale_results:
        log::info("a stale result is refused",
                  {{"task_id", to_string(std::get<TaskId>(count.of))}});
        return counted->stale_result();
      case Counter::refused_leases:
        return counted->lease_refused();
    }
  }
  void take(const core::Waited& waited) const { counted->waited(waited.queue, waited.waited); }
  void take(const core::AttemptEnded& ended) const {
    counted->ran(ended.verdict, std::chrono::microseconds(ended.cost.wall_us),
                 std::chrono::microseconds(ended.cost.setup_us));
    log_execution(ended);
  }
  void take(const core::WorkerGone& gone) const {
    if (gone.lost) return counted->worker_lost(gone.name, real_now().mono);
    counted->worker_left(gone.name);
  }
};

TelemetryActor::behavior_type telemetry(TelemetryActor::stateful_pointer<TelemetryState> self,
                                        std::shared_ptr<metrics::Broker> counted) {
  end_on_failure(self, "telemetry");
  self->state.counted = std::move(counted);
  return {
      [=](const FactBatch& batch) {
        for (const Fact& fact : batch.facts) {
          std::visit([=](const auto& one) { self->state.take(one); }, fact);
        }
      },
  };
}

}  // namespace

TelemetryActor spawn_telemetry(caf::actor_system& system,
                               std::shared_ptr<metrics::Broker> counted) {
  return system.spawn(telemetry, std::move(counted));
}

}  // namespace kiln::actors
