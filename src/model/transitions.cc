#include "model/transitions.h"

#include <algorithm>
#include <array>

namespace kiln::model {
namespace {

using enum TaskState;
using enum Recorded;

constexpr std::array kTransitions = {
    Transition{std::nullopt, scheduled, sometimes},  // with a line when submitted anew
    Transition{std::nullopt, queued, sometimes},
    Transition{std::nullopt, joined, never},
    Transition{std::nullopt, succeeded, always},  // answered from the cache
    Transition{std::nullopt, failed, always},
    Transition{scheduled, queued, never},
    Transition{scheduled, cancelled, always},
    Transition{scheduled, expired, always},
    Transition{queued, running, never},
    Transition{queued, cancelled, always},
    Transition{queued, expired, always},
    Transition{joined, queued, always},
    Transition{joined, succeeded, always},
    Transition{joined, failed, always},
    Transition{joined, dead, always},
    Transition{joined, cancelled, always},
    Transition{joined, expired, always},
    Transition{running, queued, sometimes},  // lost; without a line when given back unstarted
    Transition{running, retrying, always},
    Transition{running, succeeded, always},
    Transition{running, failed, always},
    Transition{running, dead, always},
    Transition{running, cancelled, always},
    Transition{retrying, queued, sometimes},  // with a line when a client asked for it
    Transition{retrying, cancelled, always},
};

// The states that can be reached from `last` by steps that leave no line.
class Reach {
 public:
  explicit Reach(std::optional<TaskState> last) {
    if (last) add(*last);
    if (!last) add_steps_from(std::nullopt);
  }
  bool has(TaskState state) const { return in_.at(static_cast<size_t>(state)); }

 private:
  void add(TaskState state) {
    if (has(state)) return;
    in_.at(static_cast<size_t>(state)) = true;
    add_steps_from(state);
  }
  void add_steps_from(std::optional<TaskState> state) {
    for (const Transition& step : kTransitions) {
      if (step.from == state && step.recorded != always) add(step.to);
    }
  }

  std::array<bool, kTaskStateCount> in_{};
};

}  // namespace

std::string_view to_string(Recorded recorded) {
  if (recorded == never) return "never";
  return recorded == sometimes ? "sometimes" : "always";
}

std::span<const Transition> transitions() { return kTransitions; }

bool may_follow(std::optional<TaskState> last, TaskState next) {
  const Reach reach(last);
  return std::ranges::any_of(kTransitions, [&](const Transition& step) {
    if (step.to != next || step.recorded == never) return false;
    return step.from ? reach.has(*step.from) : !last;
  });
}

bool may_be_in(std::optional<TaskState> last, TaskState state) { return Reach(last).has(state); }

}  // namespace kiln::model
