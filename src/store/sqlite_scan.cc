#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "store/scan.h"
#include "store/sqlite_blobs.h"
#include "store/sqlite_error.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_schema.h"

namespace kiln::store {
namespace {

constexpr int kEventSeqColumn = 6;  // after those of kEventColumns
constexpr int kEventNumberColumn = 7;

const std::string kAllEventsSql =
    "SELECT " + std::string(kEventColumns) + ", seq, number FROM events ORDER BY seq, number";

// What select_audit_sql() has after the task's own columns.
struct ExtraColumns {
  int program;
  int result_bytes;
  int leader_state;
  int holder_has_result;
  int missing_blobs;
};
ExtraColumns extra_columns() {
  const auto first = static_cast<int>(task_column_count());
  return {first, first + 1, first + 2, first + 3, first + 4};
}

class Scan {
 public:
  Scan(SQLite::Database& database, const ScanSink& sink)
      : sink_(sink), tasks_(database, select_audit_sql()), events_(database, kAllEventsSql) {}

  bool run() {
    next_event();
    while (tasks_.executeStep()) read_one();
    skip_events(std::nullopt);
    return complete_;
  }

 private:
  void damage(std::string text) {
    complete_ = false;
    sink_.damage(std::move(text));
  }

  void read_one() {
    Result<model::TaskRow> row = read_task(tasks_);
    const int64_t seq = tasks_.getColumn(0).getInt64();
    skip_events(seq);
    if (!row) {
      while (has_event_ && event_seq_ == seq) next_event();
      return damage(row.error().message);
    }
    model::StoredTask task;
    task.row = *std::move(row);
    read_events(task);
    read_extras(task);
    sink_.task(task);
  }

  void next_event() {
    has_event_ = events_.executeStep();
    if (has_event_) event_seq_ = events_.getColumn(kEventSeqColumn).getInt64();
  }

  // Those before `seq` (nothing: all) are of tasks that are not there.
  void skip_events(std::optional<int64_t> seq) {
    while (has_event_ && (!seq || event_seq_ < *seq)) {
      const int64_t orphan = event_seq_;
      sink_.damage("the history of the seq " + std::to_string(orphan) + " belongs to no task");
      while (has_event_ && event_seq_ == orphan) next_event();
    }
  }

  void read_events(model::StoredTask& task) {
    const auto seq = static_cast<int64_t>(task.row.seq);
    for (int64_t number = 1; has_event_ && event_seq_ == seq; ++number, next_event()) {
      if (events_.getColumn(kEventNumberColumn).getInt64() != number) {
        sink_.damage("the history of the task " + to_string(task.row.id) + " lacks its line " +
                     std::to_string(number));
        number = events_.getColumn(kEventNumberColumn).getInt64();
      }
      Result<model::TaskEvent> event = read_event(events_, task.row.id);
      if (event) {
        task.events.push_back(*std::move(event));
      } else {
        sink_.damage(event.error().message);
      }
    }
  }

  void read_extras(model::StoredTask& task) {
    const ExtraColumns at = extra_columns();
    task.has_program = tasks_.getColumn(at.program).getInt64() == 1;
    if (const SQLite::Column bytes = tasks_.getColumn(at.result_bytes); !bytes.isNull()) {
      task.result_bytes = static_cast<uint64_t>(bytes.getInt64());
    }
    if (const SQLite::Column state = tasks_.getColumn(at.leader_state); !state.isNull()) {
      task.leader_state = model::parse_task_state(state.getString());
    }
    if (const SQLite::Column has = tasks_.getColumn(at.holder_has_result); !has.isNull()) {
      task.holder_has_result = has.getInt64() == 1;
    }
    task.missing_blobs = static_cast<uint64_t>(tasks_.getColumn(at.missing_blobs).getInt64());
  }

  const ScanSink& sink_;
  SQLite::Statement tasks_;
  SQLite::Statement events_;
  bool has_event_ = false;
  int64_t event_seq_ = 0;
  bool complete_ = true;
};

// Whether the file's structure is whole. A damaged one would be read wrongly.
bool check_structure(SQLite::Database& database, const ScanSink& sink) {
  SQLite::Statement check(database, "PRAGMA integrity_check(" + std::to_string(kMaxDamage) + ")");
  bool whole = true;
  while (check.executeStep()) {
    const std::string told = check.getColumn(0).getString();
    if (told == "ok") continue;
    whole = false;
    sink.damage(told);
  }
  return whole;
}

Status check_there(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0) return {};
  Error error = errno_error(ErrorCode::io_error, "read " + path, errno);
  error.hint = "Name a broker's data directory with --data";
  return error;
}

}  // namespace

Result<bool> scan_sqlite_store(const std::string& directory, const ScanSink& sink) {
  const std::string path = directory + "/kiln.db";
  if (Status s = check_there(path); !s) return std::move(s).error();
  std::unique_ptr<SQLite::Database> database;
  try {
    database = connect(path, Access::read);
    if (Status s = check_schema(*database, path); !s) return std::move(s).error();
    database->exec("BEGIN");  // one snapshot for all that follows
    if (!check_structure(*database, sink)) return false;
    check_blobs(*database, sink.damage);
    return Scan(*database, sink).run();
  } catch (const SQLite::Exception& exception) {
    return sqlite_error(exception, database.get(), "read " + path);
  }
}

}  // namespace kiln::store
