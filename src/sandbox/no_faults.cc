#include "sandbox/cell_child.h"

namespace kiln::sandbox {

int step_fault(Step, const CellPlan&) { return 0; }

}  // namespace kiln::sandbox
