// From what was typed to a TaskSpec: reads the files, knows the units, names what is wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/upload.h"
#include "config/languages.h"
#include "model/task.h"

namespace kiln::cli {

// A positive decimal number of seconds ("2", "0.5") in milliseconds, at least 1. Errors:
// invalid_argument, with `option` as the field.
Result<int64_t> parse_seconds(std::string_view option, std::string_view text);
// A positive whole number of MB, in bytes.
Result<int64_t> parse_megabytes(std::string_view option, std::string_view text);
// Each one of retry_reason's words.
Result<std::vector<model::RetryReason>> parse_retry_reasons(const std::vector<std::string>& words);
Result<TaskId> parse_task_id(std::string_view text);

// At most `limit` bytes of a file ("-": standard input); `what` names it in errors ("the program").
// Errors: invalid_argument (no such file, a directory), too_large, io_error.
Result<std::string> read_input(const std::string& path, std::string_view what, size_t limit);

struct TaskInput {
  model::TaskSpec spec;
  std::vector<Upload> uploads;  // to be sent before it
};

// The program at `path` and all that `options` say about it, validated. A language that is not in
// `languages` is an error only if `languages` is what will run it (`local`).
Result<TaskInput> read_task(const std::string& path, const TaskOptions& options,
                            const config::Languages& languages, bool local);

}  // namespace kiln::cli
