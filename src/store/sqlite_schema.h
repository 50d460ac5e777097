// Opening a connection, and the schema's version.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"

namespace SQLite {
class Database;
}  // namespace SQLite

namespace kiln::store {

// In the header of our files (PRAGMA application_id): "KILN".
inline constexpr int kApplicationId = 0x4B494C4E;

// How long a connection waits for another one's lock: for a reader that meets the recovery of the
// log, or a person's sqlite3 shell.
inline constexpr int kBusyWaitMs = 5'000;

enum class Access { read, write };

// Throws SQLite::Exception. The file must exist.
std::unique_ptr<SQLite::Database> connect(const std::string& path, Access access);

// Makes a new file ours, or checks that it is ours and brings its schema to the newest version, one
// transaction for each step; then WAL and synchronous=FULL. `path` is for messages. Throws
// SQLite::Exception. Errors: corrupt (another program's file, or of a newer version: left
// untouched), io_error (this file system cannot have a WAL).
Status prepare_schema(SQLite::Database& database, const std::string& path);

// The same for a reader, which changes nothing: the file is ours and of the newest version. Throws
// SQLite::Exception. Errors: corrupt.
Status check_schema(SQLite::Database& database, const std::string& path);

}  // namespace kiln::store
