// The list of options as texts for people.
#pragma once

#include <string>

namespace kiln::config {

// config/kiln.yaml: every option with its default, or commented out where it has none of its own.
std::string options_yaml();
// docs/configuration.md.
std::string options_page();

}  // namespace kiln::config
