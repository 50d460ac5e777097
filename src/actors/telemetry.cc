// Telemetry: counters in memory, each by its name and labels.
#include "actors/actor.h"
#include "log/log.h"

namespace kiln::actors {
namespace {

struct CounterNames {
  std::string_view name;
  std::string_view label2;
  std::string_view label3;
};

CounterNames names_of(core::Counter counter) {
  switch (counter) {
    case core::Counter::finished:
      return {"finished", "state", "verdict"};
    case core::Counter::retried:
      return {"retried", "reason", ""};
    case core::Counter::submitted:
      return {"submitted", "", ""};
    case core::Counter::cache_hits:
      return {"cache_hits", "", ""};
    case core::Counter::joined:
      return {"joined", "", ""};
    case core::Counter::leases_expired:
      return {"leases_expired", "", ""};
    case core::Counter::stale_results:
      return {"stale_results", "", ""};
    case core::Counter::refused_leases:
      return {"refused_leases", "", ""};
  }
  return {"unknown", "", ""};
}

std::string key_of(const core::Count& count) {
  const CounterNames names = names_of(count.counter);
  std::string labels;
  const auto add = [&](std::string_view label, std::string_view value) {
    if (label.empty() || value.empty()) return;
    labels.append(labels.empty() ? "{" : ",").append(label).append("=").append(value);
  };
  add("queue", count.queue);
  add(names.label2, count.label2);
  add(names.label3, count.label3);
  return std::string(names.name) + labels + (labels.empty() ? "" : "}");
}

struct TelemetryState {
  static inline const char* name = "telemetry";
  Counters counters;
  void add(const CountBatch& batch) {
    for (const core::Count& count : batch.counts) {
      ++counters.values[key_of(count)];
      if (count.task) log::info("a stale result is refused", {{"task_id", to_string(*count.task)}});
    }
  }
};

TelemetryActor::behavior_type telemetry(TelemetryActor::stateful_pointer<TelemetryState> self) {
  end_on_failure(self, "telemetry");
  return {
      [=](const CountBatch& batch) { self->state.add(batch); },
      [=](CountersRequest&) { return self->state.counters; },
  };
}

}  // namespace

TelemetryActor spawn_telemetry(caf::actor_system& system) { return system.spawn(telemetry); }

}  // namespace kiln::actors
