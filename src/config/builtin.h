// The files of config/ as they were when this binary was built (embed_config.cmake).
#pragma once

#include <string_view>

namespace kiln::config {

extern const std::string_view kBuiltinLanguages;

}  // namespace kiln::config
