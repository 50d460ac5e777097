// What a cell is asked to run, from a language and a program. Pure.
#pragma once

#include "config/languages.h"
#include "model/task.h"
#include "sandbox/cell_runner.h"

namespace kiln::actors {

// The program of a task: its source among the files, its arguments behind the language's command.
sandbox::CellRequest make_cell_request(const config::Language& language, model::Program program);
// The command that shows a language's version.
sandbox::CellRequest make_detect_request(const config::Language& language);

}  // namespace kiln::actors
