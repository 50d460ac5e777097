// A launcher that fails where it is told: linked in place of src/sandbox/no_faults.cc. The
// request's own environment names the step, so that each cell of one launcher may fail elsewhere:
//
//   KILN_TEST_FAIL=step   the step reports EIO instead of being done
//   KILN_TEST_SKIP=step   the step is left out, and nobody is told
#include <cerrno>
#include <string_view>

#include "sandbox/cell_child.h"

namespace kiln::sandbox {
namespace {

bool has_variable(const CellPlan& plan, std::string_view name, std::string_view value) {
  if (plan.program == nullptr) return false;  // made ahead
  for (const char* const variable : plan.program->env) {
    if (variable == nullptr) break;
    const std::string_view text(variable);
    if (text.starts_with(name) && text.substr(name.size()) == value) return true;
  }
  return false;
}

}  // namespace

int step_fault(Step step, const CellPlan& plan) {
  if (has_variable(plan, "KILN_TEST_FAIL=", step_name(step))) return EIO;
  if (has_variable(plan, "KILN_TEST_SKIP=", step_name(step))) return kSkipStep;
  return 0;
}

}  // namespace kiln::sandbox
