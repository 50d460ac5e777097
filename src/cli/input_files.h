// The input files of a task, as --file names them.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cli/upload.h"
#include "model/task.h"

namespace kiln::cli {

// PATH or PATH:NAME, a file or a directory with all that is below it. NAME, the last part of PATH
// by default, is where it goes in /box; "." puts a directory's content there itself. Below a
// directory only regular files and directories are taken: anything else (a link, a FIFO) is an
// error that names it. Errors: invalid_argument, too_large, io_error.
// What is larger than kMaxInlineFileBytes becomes a blob, and stands in `uploads`, too.
Status read_input_files(const std::string& option, std::vector<model::InputFile>& into,
                        std::vector<Upload>& uploads);

}  // namespace kiln::cli
