// The variables that every program has.
#pragma once

#include <vector>

#include "model/task.h"

namespace kiln::model {

// Each cell's environment before a language's and a task's additions, exactly.
std::vector<EnvVar> base_environment();

}  // namespace kiln::model
