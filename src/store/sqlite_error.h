// What SQLite tells, as errors of ours. SQLiteCpp throws; nothing of it leaves src/store.
#pragma once

#include <string>

#include "base/error.h"

namespace SQLite {
class Database;
class Exception;
}  // namespace SQLite

namespace kiln::store {

// `what` says what was tried ("commit a batch"). `database` is the connection at fault, nullptr if
// it did not open. Codes: see store.h; https://www.sqlite.org/rescode.html has SQLite's.
Error sqlite_error(const SQLite::Exception& exception, const SQLite::Database* database,
                   const std::string& what);

// Stored data that breaks the schema's rules: `what` says where and what.
Error damaged(std::string what);

}  // namespace kiln::store
