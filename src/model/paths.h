// Paths that strangers choose.
#pragma once

#include <string_view>

namespace kiln::model {

// A relative path that stays below its directory: no empty, "." or ".." part, no NUL, no part above
// 255 bytes, at most kMaxPathBytes in all.
bool is_safe_path(std::string_view path);

}  // namespace kiln::model
