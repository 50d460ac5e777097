// Reads a whole text file that must be small: keys and allow lists.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"

namespace kiln::net {

struct SmallFile {
  std::string text;
  mode_t mode = 0;  // of the file that was read, as fstat(2) has it
};

// Errors: io_error; too_large; invalid_argument (not a regular file).
Result<SmallFile> read_small_file(const std::string& path, size_t max_bytes);

}  // namespace kiln::net
