#include "store/sqlite_reader.h"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <utility>

#include "store/sqlite_blobs.h"
#include "store/sqlite_error.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_use.h"

namespace kiln::store {
namespace {

using model::TaskRow;

constexpr const char* kFindProgram =
    "SELECT bytes FROM programs WHERE seq = (SELECT seq FROM tasks WHERE id = ?1)";

// Of the task itself, or of the one that result_of names.
constexpr const char* kFindResult =
    "SELECT bytes FROM results WHERE seq = (SELECT CASE WHEN result_of IS NULL THEN seq ELSE "
    "(SELECT seq FROM tasks AS other WHERE other.id = tasks.result_of) END FROM tasks WHERE id = "
    "?1)";

// Above kMaxSeq there is nothing to leave out (and no such number in SQLite).
bool has_bound(const ListFilter& filter) {
  return filter.before_seq && *filter.before_seq <= kMaxSeq;
}

const std::string kEventsSql = "SELECT " + std::string(kEventColumns) +
                               " FROM events WHERE seq = (SELECT seq FROM tasks WHERE id = ?1)"
                               " ORDER BY number";

class SqliteReader : public Reader {
 public:
  explicit SqliteReader(std::unique_ptr<SQLite::Database> database)
      : database_(std::move(database)),
        find_task_(*database_, select_task_sql() + " WHERE id = ?1"),
        find_program_(*database_, kFindProgram),
        find_result_(*database_, kFindResult),
        events_(*database_, kEventsSql),
        begin_(*database_, "BEGIN"),
        end_(*database_, "COMMIT"),
        blobs_(*database_) {}

  Result<std::optional<TaskRow>> find_task(const TaskId& id) override {
    return guarded<std::optional<TaskRow>>("read a task", [&] { return read_one(id); });
  }
  Result<model::Bytes> find_program(const TaskId& id) override {
    return guarded<model::Bytes>("read a program", [&] { return read_bytes(find_program_, id); });
  }
  Result<model::Bytes> find_result(const TaskId& id) override {
    return guarded<model::Bytes>("read a result", [&] { return read_bytes(find_result_, id); });
  }
  Result<std::vector<model::TaskEvent>> events(const TaskId& id) override {
    return guarded<std::vector<model::TaskEvent>>("read the events of a task",
                                                  [&] { return read_events(id); });
  }
  Result<std::vector<TaskRow>> list(const ListFilter& filter) override {
    return guarded<std::vector<TaskRow>>("list tasks", [&] { return read_list(filter); });
  }
  Result<std::optional<StoredBlob>> find_blob(const std::string& tenant,
                                              const Sha256& sha256) override {
    return guarded<std::optional<StoredBlob>>("find a blob",
                                              [&] { return blobs_.find(tenant, sha256); });
  }
  Result<model::Bytes> read_blob(const std::string& tenant, const Sha256& sha256,
                                 uint64_t offset) override {
    return guarded<model::Bytes>("read a blob",
                                 [&] { return blobs_.read(tenant, sha256, offset); });
  }
  Result<BlobUsage> blob_usage(const std::string& tenant) override {
    return guarded<BlobUsage>("add up the blobs", [&] { return blobs_.usage(tenant); });
  }
  Result<std::vector<StoredBlob>> unused_blobs(const std::string& tenant, WallTime before,
                                               size_t limit) override {
    return guarded<std::vector<StoredBlob>>("list unused blobs",
                                            [&] { return blobs_.unused(tenant, before, limit); });
  }

  // A reader that cannot hold reads one by one.
  void hold() override { run(begin_); }
  void release() override {
    // SQLite has ended it by itself after some errors.
    if (sqlite3_get_autocommit(database_->getHandle()) == 0) run(end_);
  }

 private:
  static void run(SQLite::Statement& statement) {
    const UseStatement use(statement);
    use->tryExecuteStep();
  }

  template <class T, class Read>
  Result<T> guarded(const char* what, Read read) {
    try {
      return read();
    } catch (const SQLite::Exception& exception) {
      return sqlite_error(exception, database_.get(), what);
    }
  }

  Result<std::optional<TaskRow>> read_one(const TaskId& id) {
    const UseStatement use(find_task_);
    bind_id(*use, 1, id);
    if (!use->executeStep()) return std::optional<TaskRow>();
    Result<TaskRow> row = read_task(*use);
    if (!row) return std::move(row).error();
    return std::optional(*std::move(row));
  }

  static Result<model::Bytes> read_bytes(SQLite::Statement& statement, const TaskId& id) {
    const UseStatement use(statement);
    bind_id(*use, 1, id);
    if (!use->executeStep()) return model::Bytes();
    return model::Bytes(std::make_shared<const std::string>(use->getColumn(0).getString()));
  }

  Result<std::vector<model::TaskEvent>> read_events(const TaskId& id) {
    const UseStatement use(events_);
    bind_id(*use, 1, id);
    std::vector<model::TaskEvent> events;
    while (use->executeStep()) {
      Result<model::TaskEvent> event = read_event(*use, id);
      if (!event) return std::move(event).error();
      events.push_back(*std::move(event));
    }
    return events;
  }

  Result<std::vector<TaskRow>> read_list(const ListFilter& filter) {
    const UseStatement use(list_statement(filter));
    if (!filter.tenant.empty()) use->bind(1, filter.tenant);
    if (filter.queue) use->bind(2, *filter.queue);
    if (filter.state) use->bind(3, std::string(model::to_string(*filter.state)));
    if (filter.verdict) use->bind(6, std::string(model::to_string(*filter.verdict)));
    if (has_bound(filter)) use->bind(4, static_cast<int64_t>(*filter.before_seq));
    use->bind(5, static_cast<int64_t>(std::min(filter.limit, kMaxListRows)));
    std::vector<TaskRow> rows;
    while (use->executeStep()) {
      Result<TaskRow> row = read_task(*use);
      if (!row) return std::move(row).error();
      rows.push_back(*std::move(row));
    }
    return rows;
  }

  SQLite::Statement& list_statement(const ListFilter& filter) {
    const std::string sql = list_sql(filter);
    return lists_.try_emplace(sql, *database_, sql).first->second;
  }

  std::unique_ptr<SQLite::Database> database_;  // first: the statements go before it
  SQLite::Statement find_task_;
  SQLite::Statement find_program_;
  SQLite::Statement find_result_;
  SQLite::Statement events_;
  SQLite::Statement begin_;
  SQLite::Statement end_;
  BlobReader blobs_;
  std::map<std::string, SQLite::Statement> lists_;  // by their SQL; 64 at most
};

}  // namespace

std::string list_sql(const ListFilter& filter) {
  std::string conditions;
  const auto add = [&](bool wanted, std::string_view condition) {
    if (!wanted) return;
    conditions += conditions.empty() ? " WHERE " : " AND ";
    conditions += condition;
  };
  add(!filter.tenant.empty(), "tenant = ?1");
  add(filter.queue.has_value(), "queue = ?2");
  add(filter.state.has_value(), "state = ?3");
  add(has_bound(filter), "seq < ?4");
  add(filter.verdict.has_value(), "verdict = ?6");
  add(filter.not_requeued, "requeued_as IS NULL");
  return select_task_sql() + conditions + " ORDER BY seq DESC LIMIT ?5";
}

Result<std::unique_ptr<Reader>> make_sqlite_reader(const std::string& path) {
  try {
    return std::unique_ptr<Reader>(std::make_unique<SqliteReader>(connect(path, Access::read)));
  } catch (const SQLite::Exception& exception) {
    return sqlite_error(exception, nullptr, "open " + path + " to read");
  }
}

}  // namespace kiln::store
