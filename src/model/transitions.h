// The steps of a task from one state to another: the one list. docs/task_lifecycle.md has it as a
// table, and a test compares the two.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "model/states.h"

namespace kiln::model {

// Whether a step leaves a line in the task's history. A step without one changes the row alone.
enum class Recorded : uint8_t { never, sometimes, always };
std::string_view to_string(Recorded recorded);

struct Transition {
  std::optional<TaskState> from;  // nothing: the submission
  TaskState to;
  Recorded recorded;
};
std::span<const Transition> transitions();

// Whether a line with the state `next` may come right after one with the state `last` (nothing: at
// the history's beginning). Between the two may be steps that leave no line.
bool may_follow(std::optional<TaskState> last, TaskState next);
// Whether a task whose history ends with `last` may be in `state`.
bool may_be_in(std::optional<TaskState> last, TaskState state);

}  // namespace kiln::model
