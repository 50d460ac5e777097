#include <gtest/gtest.h>

#include "actors/actor.h"
#include "actors/system_config.h"

namespace kiln::actors {
namespace {

using CountAtom = caf::atom_constant<caf::atom("count")>;
using Ticker = caf::typed_actor<caf::reacts_to<TickAtom>, caf::replies_to<CountAtom>::with<int>>;

constexpr int kAsked = 50;
constexpr int kHundred = 100;  // an answer is ticks and rings in one number

struct TickerState {
  Alarm alarm;
  int ticks = 0;
  int rings = 0;
};

// Asks for ever sooner times, so that each tick but the last asked for is replaced by another.
Ticker::behavior_type ticker(Ticker::stateful_pointer<TickerState> self) {
  const MonoTime start = real_now().mono;
  for (int i = kAsked; i > 0; --i) {
    self->state.alarm.set(self, start + std::chrono::milliseconds(20 + i));
  }
  return {[=](TickAtom) {
            ++self->state.ticks;
            if (!self->state.alarm.ring()) return;
            ++self->state.rings;
            self->state.alarm.set(self, real_now().mono + std::chrono::hours(1));
          },
          [=](CountAtom) { return self->state.ticks * kHundred + self->state.rings; }};
}

TEST(Alarm, ATickThatASoonerOneReplacedSetsNoOther) {
  SystemConfig config(1);
  caf::actor_system system(config);
  caf::scoped_actor self(system);
  const Ticker actor = system.spawn(ticker);
  int answer = 0;
  const MonoTime deadline = real_now().mono + std::chrono::seconds(10);
  while (answer / kHundred < kAsked && real_now().mono < deadline) {
    self->request(actor, caf::infinite, CountAtom::value)
        .receive([&](int counted) { answer = counted; }, [](const caf::error&) { FAIL(); });
  }
  EXPECT_EQ(answer / kHundred, kAsked) << "all that were asked for come";
  EXPECT_EQ(answer % kHundred, 1) << "one of them is the one that stands";
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

}  // namespace
}  // namespace kiln::actors
