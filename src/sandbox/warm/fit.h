// Whether a program can run in an interpreter that has been started already, with no difference but
// speed. Pure but for the names in /box.
#pragma once

#include <string_view>

#include "sandbox/warm/start.h"

namespace kiln::sandbox::warm {

// `warm`, and the program's text; or why it must be started cold.
model::WarmStart fit(const wire::RunView& program, const Interpreter& interpreter,
                     std::string_view& source);

// Variables that an interpreter, its C library or a library of numbers reads when it starts.
bool is_read_at_start(std::string_view name);
// Plain UTF-8 without a mark or a line that says otherwise, which compile() takes as a file's.
bool is_plain_source(std::string_view text);

}  // namespace kiln::sandbox::warm
