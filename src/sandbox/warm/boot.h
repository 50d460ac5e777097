// The texts of boot.py and canary.py as they were when this was built.
#pragma once

#include <string_view>

namespace kiln::sandbox {

std::string_view warm_boot_text();
std::string_view warm_canary_text();

}  // namespace kiln::sandbox
