// The compile step of a task: what it is known by, and what its cell's end means. Pure.
#pragma once

#include "actors/cell_request.h"
#include "base/hash.h"
#include "model/result.h"

namespace kiln::actors {

// Equal keys make equal programs: command, environment, limits and files of the compile step, and
// the compiler's version.
Sha256 compile_key(const sandbox::CellRequest& request, std::string_view version);

// Whether the step's cell ended well and made a program.
bool has_compiled(const model::TaskResult& end);
// What it made; takes it out of the result.
ProgramFiles take_compiled(model::TaskResult& end);
// The task's result where it did not. What the compiler printed stays; a cell that was cancelled or
// failed for a reason of ours keeps its verdict, anything else is compile_error.
model::TaskResult compile_failure(model::TaskResult end);

}  // namespace kiln::actors
