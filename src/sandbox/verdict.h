// From what the kernel counted to how the attempt ended. Pure: no I/O, any thread.
#pragma once

#include "model/limits.h"
#include "model/result.h"
#include "sandbox/wire.h"

namespace kiln::sandbox {

// What the worker's side knows of a cell beside the launcher's report.
struct CellFacts {
  model::Limits limits;
  int64_t requested_us = 0;  // CLOCK_MONOTONIC
  bool flooded = false;      // a stream went past kFloodFactor times its cap
  model::StreamOutput out;
  model::StreamOutput err;
};

// The first that holds: infrastructure, cancelled, memory, wall, cpu and soft time, output, then
// the program's own end. An exit code or signal is told whenever the program's process was reaped.
model::Verdict judge(const wire::Finished& finished, bool flooded);

// The whole result. Counters that the kernel lacks are null.
model::TaskResult make_result(const wire::Finished& finished, CellFacts facts);

}  // namespace kiln::sandbox
