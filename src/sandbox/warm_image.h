// A warm image: an interpreter that has imported its modules already, kept by the launcher, from
// which programs are forked into their cells.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace kiln::sandbox {

inline constexpr size_t kMaxWarmImages = 8;  // of all languages together

struct WarmImage {
  std::string name;         // "python"
  std::string interpreter;  // "/usr/bin/python3"
  std::string source;       // the programs' file in /box: "main.py"
  std::string modules;      // imported before any program comes; "json re"
  std::string own;          // of those: where none is installed, the image is not kept
};

}  // namespace kiln::sandbox
