// What a cell promises, one line for each property, and what the start of a launcher says about it:
// the canary cell is made whole and asked for each of them (self_test.cc), or a step fails. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "sandbox/steps.h"

namespace kiln::sandbox {

enum class Holds : uint8_t { yes, no, unknown };  // unknown: an earlier step failed

struct Property {
  std::string_view name;  // "pid namespace"
  std::string_view why;   // what it keeps a program from
  Holds holds = Holds::unknown;
};

// `failure`: how the launcher did not start; nothing: it did. Every property, in the order in which
// a cell gets them.
std::vector<Property> judge_isolation(const std::optional<StepFailure>& failure);

// The failure that describe() told (steps.h); nothing if the error is none of those.
std::optional<StepFailure> failure_in(const Error& error);

}  // namespace kiln::sandbox
