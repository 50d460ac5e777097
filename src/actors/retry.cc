// Retry: waits for the due times of scheduled and retrying tasks, all in one timer structure, and
// tells the queue. Due times are wall time, which can jump, so the clock is looked at again at
// least once a second. A new one is told all due times by the queue.
#include <algorithm>

#include "actors/actor.h"
#include "core/due_times.h"

namespace kiln::actors {
namespace {

constexpr Duration kLongestSleep = std::chrono::seconds(1);

struct RetryState {
  static inline const char* name = "retry";
  RetryActor::stateful_pointer<RetryState> self = nullptr;
  QueueActor queue;
  core::DueTimes times;
  Alarm alarm;

  void schedule(const ScheduleBatch& batch) {
    for (const core::Schedule& one : batch.schedules) times.schedule(one.id, one.version, one.due);
    tell_due();
  }

  void tell_due() {
    const WallTime now = real_now().wall;
    CommandBatch batch;
    for (core::Due& due : times.take_due(now)) batch.commands.emplace_back(due);
    if (!batch.commands.empty()) caf::anon_send(queue, std::move(batch));
    arm(now);
  }

  void arm(WallTime now) {
    const auto next = times.next();
    const Duration sleep =
        next ? std::clamp(*next - now, Duration(0), kLongestSleep) : kLongestSleep;
    alarm.set(self, real_now().mono + sleep);
  }

  void tick() {
    if (alarm.ring()) tell_due();
  }
};

RetryActor::behavior_type retry(RetryActor::stateful_pointer<RetryState> self) {
  end_on_failure(self, "retry");
  self->state.self = self;
  return {
      [=](const BrokerWiring& wiring) { self->state.queue = wiring.queue; },
      [=](const ScheduleBatch& batch) { self->state.schedule(batch); },
      [=](TickAtom) { self->state.tick(); },
  };
}

}  // namespace

RetryActor spawn_retry(caf::actor_system& system) { return system.spawn(retry); }

}  // namespace kiln::actors
