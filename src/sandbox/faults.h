// Where a test can make a step fail, or leave it out. The launcher is linked with a step_fault()
// that answers 0 to everything (no_faults.cc); the tests link another (tests/sandbox/faults.cc).
#pragma once

#include "sandbox/steps.h"
#include "sandbox/wire.h"

namespace kiln::sandbox {

inline constexpr int kSkipStep = -1;

// 0: nothing. An errno: the step reports it instead of being done. kSkipStep: it is left out, and
// nobody is told. `request`: what is to be run, where that is known already. Async-signal-safe.
int step_fault(Step step, const wire::RunView* request);

// For what is a part of another step, and cannot fail by itself.
inline bool is_left_out(Step part) { return step_fault(part, nullptr) == kSkipStep; }

}  // namespace kiln::sandbox
