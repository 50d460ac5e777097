// A configuration file, read and checked against the list of options.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace kiln::config {

inline constexpr const char* kLocalConfig = "kiln.yaml";
inline constexpr const char* kSystemConfig = "/etc/kiln/kiln.yaml";

struct Setting {
  std::vector<std::string> values;  // one, but of a list any number
  std::string place;                // "kiln.yaml:7"
};
struct Settings {
  std::string path;                       // "": there is no file
  std::map<std::string, Setting> by_key;  // "broker.clients"
};

// All that is wrong, each with the file and line: an unknown key names the nearest right one.
using Errors = std::vector<Error>;

// The settings of this text. `origin` stands in errors for the file's path.
Settings parse_settings(std::string_view text, const std::string& origin, Errors& errors);

// The settings of the file at `path`. One that is no regular file, larger than 1 MB, or that others
// than its owner and root may write is an error.
Settings read_settings(const std::string& path, Errors& errors);

// The file that counts: `named` (a flag or variable), else kLocalConfig, else kSystemConfig, where
// there is one; else "".
std::string find_settings(const std::string& named);

}  // namespace kiln::config
