#include "sandbox/faults.h"

namespace kiln::sandbox {

int step_fault(Step, const wire::RunView*) { return 0; }

}  // namespace kiln::sandbox
