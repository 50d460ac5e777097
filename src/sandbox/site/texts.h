// The texts of kiln.py and kiln.pth as they were when this was built.
#pragma once

#include <string_view>

namespace kiln::sandbox {

std::string_view site_module_text();
std::string_view site_start_text();

}  // namespace kiln::sandbox
