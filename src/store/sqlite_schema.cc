#include "store/sqlite_schema.h"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include "store/migrations.h"
#include "store/sqlite_error.h"

namespace kiln::store {
namespace {

int64_t number(SQLite::Database& database, const std::string& sql) {
  return database.execAndGet(sql).getInt64();
}

bool is_new(SQLite::Database& database) {
  return number(database, "PRAGMA application_id") == 0 &&
         number(database, "PRAGMA user_version") == 0 &&
         number(database, "SELECT count(*) FROM sqlite_schema") == 0;
}

Error foreign_file(const std::string& path) {
  return Error{ErrorCode::corrupt, path + " is a database of another program", "", "",
               "Use another data directory"};
}

Error newer_version(const std::string& path, int64_t version) {
  return Error{ErrorCode::corrupt,
               path + " has schema version " + std::to_string(version) +
                   ", but this program knows only versions up to " +
                   std::to_string(migrations().size()),
               "", "", "Start the newer program that wrote it, or use another data directory"};
}

Error older_version(const std::string& path, int64_t version) {
  return Error{ErrorCode::corrupt,
               path + " has schema version " + std::to_string(version) + ", this program's is " +
                   std::to_string(migrations().size()),
               "", "", "A broker of this version brings it forward when it starts"};
}

void apply_migration(SQLite::Database& database, size_t index) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  database.exec(std::string(migrations()[index].sql));
  database.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
  database.exec("PRAGMA user_version = " + std::to_string(index + 1));
  transaction.commit();
}

// The log is checkpointed by the store itself, which must see a failed sync. cell_size_check finds
// some damage as soon as a page is read.
constexpr const char* kSettings =
    "PRAGMA synchronous = FULL;"
    "PRAGMA cache_size = -32768;"  // 32 MB
    "PRAGMA journal_size_limit = 67108864;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA trusted_schema = OFF;";

Status use_wal(SQLite::Database& database, const std::string& path) {
  const std::string mode = database.execAndGet("PRAGMA journal_mode = WAL").getString();
  if (mode == "wal") return {};
  return Error{ErrorCode::io_error, "cannot keep a write-ahead log for " + path, "",
               "the journal mode is " + mode, "Put the data directory on a local disk"};
}

}  // namespace

std::unique_ptr<SQLite::Database> connect(const std::string& path, Access access) {
  const int mode = access == Access::read ? SQLite::OPEN_READONLY : SQLite::OPEN_READWRITE;
  return std::make_unique<SQLite::Database>(path, mode | SQLite::OPEN_NOMUTEX, kBusyWaitMs);
}

Status prepare_schema(SQLite::Database& database, const std::string& path) {
  const bool fresh = is_new(database);
  if (!fresh && number(database, "PRAGMA application_id") != kApplicationId) {
    return foreign_file(path);
  }
  const int64_t version = number(database, "PRAGMA user_version");
  const auto newest = static_cast<int64_t>(migrations().size());
  if (version < 0 || version > newest) return newer_version(path, version);
  if (Status s = use_wal(database, path); !s) return s;
  database.exec(kSettings);
  for (auto i = static_cast<size_t>(version); i < migrations().size(); ++i) {
    apply_migration(database, i);
  }
  return {};
}

Status check_schema(SQLite::Database& database, const std::string& path) {
  if (is_new(database)) {
    return Error{ErrorCode::corrupt, path + " is empty: it was never a store, or it was cut off",
                 "", "", "Name a broker's data directory"};
  }
  if (number(database, "PRAGMA application_id") != kApplicationId) return foreign_file(path);
  const int64_t version = number(database, "PRAGMA user_version");
  const auto newest = static_cast<int64_t>(migrations().size());
  if (version > newest) return newer_version(path, version);
  return version == newest ? Status() : older_version(path, version);
}

}  // namespace kiln::store
