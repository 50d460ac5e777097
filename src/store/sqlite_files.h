// The files of a data directory: the lock that keeps a second broker out, and the database file.
#pragma once

#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace kiln::store {

// Takes `directory`/lock (flock(2), made with mode 0600) for as long as the descriptor lives, and
// writes our process id into it for the next one's error message. Errors: busy, io_error.
Result<UniqueFd> lock_directory(const std::string& directory);

// Makes an empty file with mode 0600 unless there is one; its name is on disk when this returns.
// SQLite gives its -wal and -shm the same mode. Errors: busy (disk full), io_error.
Status create_private_file(const std::string& directory, const std::string& path);

}  // namespace kiln::store
