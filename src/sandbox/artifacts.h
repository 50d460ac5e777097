// What a launcher copied out of a cell, in a result.
#pragma once

#include "base/fd.h"
#include "model/result.h"
#include "sandbox/wire.h"

namespace kiln::sandbox {

// Reads the copy that came with a cell's end (wire.h has its format) into the result: the files,
// and a line for each that was refused. A copy that is damaged makes it an infrastructure error.
void add_artifacts(UniqueFd copy, const wire::Run& run, model::TaskResult& result);

// "pipe: it is a FIFO". Bytes that are not plain text are shown as \xHH.
std::string refusal_line(const wire::ArtifactView& refused, const wire::Run& run);

}  // namespace kiln::sandbox
