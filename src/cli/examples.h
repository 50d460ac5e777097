// The examples that --help shows, each run by a test (tests/cli/test_help.py).
#pragma once

#include <string>
#include <string_view>

namespace kiln::cli {

// "Examples:" and a line for each, of a sub-command ("" = kiln itself).
std::string examples_of(std::string_view command);

}  // namespace kiln::cli
