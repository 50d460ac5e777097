// The store in SQLite.
//
// Theory of operation. One connection writes, each batch in one transaction; WAL with
// synchronous=FULL syncs the log at each commit (https://www.sqlite.org/wal.html), so a returned
// commit() survives a power cut. The lock on the data directory keeps any other writer out, so a
// transaction never waits. Readers have connections of their own and see the last commit.
//
// Pages go from the log into the database file by checkpoints. SQLite would make them inside COMMIT
// and ignore their errors; this store makes them itself, after the commit, because a failed sync
// must not pass unseen: such a failure marks the store as failed, and every later call answers it.
// The way out is to open the store again, which checkpoints the whole log: every page in it is
// written and synced anew, whatever an earlier sync may have lost.
//
// A full disk is no failure: nothing of the batch is in the log's committed part, the transaction
// is rolled back, and the next batch writes over the same place.
#include "store/store.h"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "store/sqlite_error.h"
#include "store/sqlite_files.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_use.h"
#include "store/sqlite_writer.h"

namespace kiln::store {
namespace {

// Pages in the log that ask for a checkpoint: 4 MB, as SQLite has it.
constexpr int kCheckpointPages = 1'000;

const std::string kQueuesSql =
    "SELECT " + std::string(kQueueColumns) + " FROM queues ORDER BY queue";
constexpr const char* kCountDeadSql =
    "SELECT queue, count(*) FROM tasks WHERE state = 'dead' AND requeued_as IS NULL GROUP BY queue";

Status checkpoint(SQLite::Database& database, int mode) {
  const int code = sqlite3_wal_checkpoint_v2(database.getHandle(), nullptr, mode, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  return sqlite_error(SQLite::Exception(database.getHandle(), code), &database,
                      "bring the log into the database");
}

class SqliteStore : public Store {
 public:
  SqliteStore(UniqueFd lock, std::string path, std::unique_ptr<SQLite::Database> database)
      : lock_(std::move(lock)),
        path_(std::move(path)),
        database_(std::move(database)),
        begin_(*database_, "BEGIN IMMEDIATE"),
        commit_(*database_, "COMMIT"),
        raise_boot_(*database_, "UPDATE meta SET boot = boot + 1 RETURNING boot, last_seq"),
        load_live_(*database_, select_live_sql()),
        load_queues_(*database_, kQueuesSql),
        load_cached_(*database_, select_cached_sql()),
        count_dead_(*database_, kCountDeadSql),
        writer_(*database_) {
    sqlite3_wal_hook(database_->getHandle(), &SqliteStore::on_commit, this);
  }

  Result<Boot> open_boot() override {
    Boot boot;
    Status done = transact("start on the store", [&]() -> Status {
      const UseStatement use(raise_boot_);
      if (!use->executeStep()) return damaged(path_ + " has lost its boot number");
      boot.boot = static_cast<uint64_t>(use->getColumn(0).getInt64());
      boot.last_seq = static_cast<uint64_t>(use->getColumn(1).getInt64());
      return {};
    });
    if (!done) return std::move(done).error();
    return boot;
  }

  Status load_live(const std::function<void(model::TaskRow)>& each) override {
    return guarded("read the live tasks", [&]() -> Status {
      const UseStatement use(load_live_);
      while (use->executeStep()) {
        Result<model::TaskRow> row = read_task(*use);
        if (!row) return std::move(row).error();
        each(*std::move(row));
      }
      return {};
    });
  }

  Status load_queues(const std::function<void(model::QueueSettings)>& each) override {
    return guarded("read the settings of the queues", [&]() -> Status {
      const UseStatement use(load_queues_);
      while (use->executeStep()) {
        Result<model::QueueSettings> settings = read_queue(*use);
        if (!settings) return std::move(settings).error();
        each(*std::move(settings));
      }
      return {};
    });
  }

  Status load_cached(WallTime finished_since, size_t limit,
                     const std::function<void(model::TaskRow)>& each) override {
    std::vector<model::TaskRow> rows;  // the newest first
    Status done = guarded("read what may be cached", [&]() -> Status {
      const UseStatement use(load_cached_);
      use->bind(1, to_micros(finished_since));
      use->bind(2, static_cast<int64_t>(std::min<uint64_t>(limit, kMaxSeq)));
      while (use->executeStep()) {
        Result<model::TaskRow> row = read_task(*use);
        if (!row) return std::move(row).error();
        rows.push_back(*std::move(row));
      }
      return {};
    });
    if (!done) return done;
    for (auto row = rows.rbegin(); row != rows.rend(); ++row) each(std::move(*row));
    return {};
  }

  Result<std::map<std::string, uint64_t>> count_dead() override {
    std::map<std::string, uint64_t> counts;
    Status done = guarded("count the dead letters", [&]() -> Status {
      const UseStatement use(count_dead_);
      while (use->executeStep()) {
        counts[use->getColumn(0).getString()] = static_cast<uint64_t>(use->getColumn(1).getInt64());
      }
      return {};
    });
    if (!done) return std::move(done).error();
    return counts;
  }

  Status commit(const model::Writes& writes) override {
    return transact("commit a batch", [&] { return writer_.apply(writes); });
  }

  Result<std::unique_ptr<Reader>> reader() override {
    if (failure_) return *failure_;
    return make_sqlite_reader(path_);
  }

 private:
  // Runs `work` unless the store has failed; what fails it is kept.
  template <class Work>
  Status guarded(const char* what, Work work) {
    if (failure_) return *failure_;
    Status done = caught(what, work);
    if (!done && !stays_usable(done.error().code)) failure_ = done.error();
    return done;
  }

  template <class Work>
  Status caught(const char* what, Work work) {
    try {
      return work();
    } catch (const SQLite::Exception& exception) {
      return sqlite_error(exception, database_.get(), what);
    }
  }

  // One transaction around `work`: committed if it succeeds, else rolled back.
  template <class Work>
  Status transact(const char* what, Work work) {
    Status done = guarded(what, [&]() -> Status {
      run(begin_);
      if (Status s = work(); !s) return s;
      run(commit_);
      return {};
    });
    if (!done) {
      roll_back();
    } else if (log_pages_ >= kCheckpointPages) {
      checkpoint_log();
    }
    return done;
  }

  static void run(SQLite::Statement& statement) { UseStatement(statement)->exec(); }

  // SQLite has rolled back by itself after some errors.
  void roll_back() {
    if (sqlite3_get_autocommit(database_->getHandle()) != 0) return;
    Status done = guarded("roll back a batch", [&]() -> Status {
      database_->exec("ROLLBACK");
      return {};
    });
    if (!done && !failure_) {
      failure_ = std::move(done).error();
      failure_->code = ErrorCode::io_error;
    }
  }

  // The batch before it is committed and stays so. A full disk or a long reader only puts it off.
  void checkpoint_log() {
    Status done = checkpoint(*database_, SQLITE_CHECKPOINT_PASSIVE);
    if (!done && !stays_usable(done.error().code)) failure_ = std::move(done).error();
  }

  static int on_commit(void* self, sqlite3*, const char*, int log_pages) {
    static_cast<SqliteStore*>(self)->log_pages_ = log_pages;
    return SQLITE_OK;
  }

  UniqueFd lock_;  // first: given up after the connection is closed
  std::string path_;
  std::unique_ptr<SQLite::Database> database_;
  SQLite::Statement begin_;
  SQLite::Statement commit_;
  SQLite::Statement raise_boot_;
  SQLite::Statement load_live_;
  SQLite::Statement load_queues_;
  SQLite::Statement load_cached_;
  SQLite::Statement count_dead_;
  BatchWriter writer_;
  int log_pages_ = 0;  // as of the last commit
  std::optional<Error> failure_;
};

Result<std::unique_ptr<Store>> open_locked(UniqueFd lock, const std::string& path) {
  std::unique_ptr<SQLite::Database> database;
  try {
    database = connect(path, Access::write);
    if (Status s = prepare_schema(*database, path); !s) return std::move(s).error();
    if (Status s = checkpoint(*database, SQLITE_CHECKPOINT_TRUNCATE); !s) {
      return std::move(s).error();
    }
    return std::unique_ptr<Store>(
        std::make_unique<SqliteStore>(std::move(lock), path, std::move(database)));
  } catch (const SQLite::Exception& exception) {
    return sqlite_error(exception, database.get(), "open " + path);
  }
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& directory) {
  Result<UniqueFd> lock = lock_directory(directory);
  if (!lock) return std::move(lock).error();
  const std::string path = directory + "/kiln.db";
  if (Status s = create_private_file(directory, path); !s) return std::move(s).error();
  return open_locked(*std::move(lock), path);
}

}  // namespace kiln::store
