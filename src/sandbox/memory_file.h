// Files in memory (memfd_create(2)) that nobody can change any more: how programs, input and the
// launcher's own binary travel.
#pragma once

#include <span>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace kiln::sandbox {

// Holds exactly `bytes`, is at its start, close-on-exec, sealed against every change (fcntl(2),
// F_ADD_SEALS). `name` shows in /proc only. Errors: io_error.
Result<UniqueFd> make_memory_file(const char* name, std::string_view bytes);

// The same of the file at `path`, and it may be executed. Errors: io_error.
Result<UniqueFd> copy_to_memory_file(const char* name, const char* path);

// Seals it as the two above are sealed, and goes to its start. False: errno says why.
bool seal_memory_file(int fd);

// A reader may map the file: it cannot change or shrink under the mapping.
bool is_sealed(int fd);

}  // namespace kiln::sandbox
