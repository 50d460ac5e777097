// A task that ended, as a new submission of the same work.
#pragma once

#include "base/random.h"
#include "core/commands.h"

namespace kiln::actors {

// `program` is the old task's, as stored. Nobody waits for it, and neither the old due time nor the
// old expiry count any more.
core::Resubmit::Item resubmission(model::TaskRow old, model::Bytes program, WallTime now,
                                  Random& random);

}  // namespace kiln::actors
