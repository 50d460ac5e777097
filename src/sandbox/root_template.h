// The root directory that every cell sees, built once by the launcher in its own mount namespace: a
// tmpfs with the host's /usr bound read-only, six device nodes, a synthetic /etc, and empty
// directories where each cell mounts its own /proc, /box, /tmp and /dev/shm. The tmpfs is read-only
// itself (its superblock), not only as a mount, so that nothing can change what later cells see.
#pragma once

#include <string>

#include "base/fd.h"
#include "sandbox/steps.h"

namespace kiln::sandbox {

// The ids inside a cell; outside they are the cell's own.
inline constexpr unsigned kInnerProgramId = 1000;
inline constexpr unsigned kInnerInitId = 1001;

// Mounts the template on `directory`, which exists. With `site_library` (_kiln, in memory) programs
// in Python find the module kiln. Errors: root_template, with the index of what
// failed in the order of the work.
StepFailure build_root_template(const std::string& directory, const UniqueFd& site_library);

}  // namespace kiln::sandbox
