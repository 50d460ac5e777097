#include "store/sqlite_rows.h"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <utility>
#include <vector>

#include "store/sqlite_error.h"

namespace kiln::store {
namespace {

using model::TaskEvent;
using model::TaskRow;
using model::TaskState;
using model::Verdict;

// Calls visit(name, field) for each column of tasks, in order. The first kKeyColumns never change.
constexpr size_t kKeyColumns = 4;

template <class Row, class Visit>
void visit_columns(Row& row, Visit&& visit) {
  visit("seq", row.seq);
  visit("id", row.id);
  visit("tenant", row.tenant);
  visit("queue", row.queue);
  visit("version", row.version);
  visit("priority", row.priority);
  visit("language", row.language);
  visit("state", row.state);
  visit("verdict", row.verdict);
  visit("attempt", row.attempt);
  visit("retries_used", row.retries_used);
  visit("losses", row.losses);
  visit("max_retries", row.max_retries);
  visit("retry_on", row.retry_on);
  visit("retry_delay_ms", row.retry_delay_ms);
  visit("full_jitter", row.full_jitter);
  visit("wait", row.wait);
  visit("cache", row.cache);
  visit("epoch_boot", row.epoch.boot);
  visit("epoch_counter", row.epoch.counter);
  visit("worker", row.worker);
  visit("submitted_at", row.submitted_at);
  visit("due_at", row.due_at);
  visit("started_at", row.started_at);
  visit("finished_at", row.finished_at);
  visit("expires_at", row.expires_at);
  visit("code_hash", row.code_hash);
  visit("cache_key", row.cache_key);
  visit("body_hash", row.body_hash);
  visit("leader", row.leader);
  visit("origin", row.origin);
  visit("requeued_as", row.requeued_as);
  visit("result_of", row.result_of);
  visit("result_bytes", row.result_bytes);
  visit("owner", row.owner);
  visit("owner_epoch", row.owner_epoch);
}

template <class Row, class Visit>
void visit_event_columns(Row& event, Visit&& visit) {
  visit("at", event.at);
  visit("state", event.state);
  visit("attempt", event.attempt);
  visit("verdict", event.verdict);
  visit("worker", event.worker);
  visit("note", event.note);
}

template <class Row, class Visit>
void visit_queue_columns(Row& settings, Visit&& visit) {
  visit("queue", settings.queue);
  visit("paused", settings.paused);
  visit("max_retries", settings.max_retries);
  visit("retry_on", settings.retry_on);
  visit("retry_delay_ms", settings.retry_delay_ms);
  visit("full_jitter", settings.full_jitter);
}

std::vector<std::string_view> column_names() {
  std::vector<std::string_view> names;
  const TaskRow row;
  visit_columns(row, [&](std::string_view name, const auto&) { names.push_back(name); });
  return names;
}

// SQLite has no unsigned 64-bit integer: the bits are kept.
int64_t to_signed(uint64_t value) { return static_cast<int64_t>(value); }

class ColumnBinder {
 public:
  explicit ColumnBinder(SQLite::Statement& statement) : statement_(statement) {}

  template <class Field>
  void operator()(std::string_view, const Field& field) {
    ++index_;
    bind(field);
  }

 private:
  template <std::integral Number>
  void bind(Number value) {
    statement_.bind(index_, to_signed(static_cast<uint64_t>(value)));
  }
  void bind(const std::string& text) { statement_.bindNoCopy(index_, text); }
  void bind(TaskState state) { statement_.bind(index_, std::string(model::to_string(state))); }
  void bind(Verdict verdict) { statement_.bind(index_, std::string(model::to_string(verdict))); }
  void bind(WallTime time) { statement_.bind(index_, to_micros(time)); }
  void bind(const TaskId& id) { bind_id(statement_, index_, id); }
  void bind(const Sha256& hash) {
    statement_.bindNoCopy(index_, hash.data(), static_cast<int>(hash.size()));
  }
  template <class Field>
  void bind(const std::optional<Field>& field) {
    if (field) {
      bind(*field);
    } else {
      statement_.bind(index_);
    }
  }

  SQLite::Statement& statement_;
  int index_ = 0;
};

// Reads columns one by one and remembers the first that breaks the rules.
class ColumnReader {
 public:
  explicit ColumnReader(SQLite::Statement& statement) : statement_(statement) {}

  template <class Field>
  void operator()(std::string_view name, Field& field) {
    const SQLite::Column column = statement_.getColumn(index_++);
    if (!read(column, field) && bad_.empty()) bad_ = name;
  }

  // The name of the first bad column, "" if all are good.
  std::string_view bad() const { return bad_; }

 private:
  static bool read(const SQLite::Column& column, uint64_t& value) {
    value = static_cast<uint64_t>(column.getInt64());
    return column.isInteger();
  }
  static bool read(const SQLite::Column& column, bool& value) {
    const int64_t number = column.getInt64();
    value = number == 1;
    return column.isInteger() && (number == 0 || number == 1);
  }
  template <std::integral Number>
  static bool read(const SQLite::Column& column, Number& value) {
    const int64_t number = column.getInt64();
    value = static_cast<Number>(number);
    return column.isInteger() && std::in_range<Number>(number);
  }
  static bool read(const SQLite::Column& column, std::string& text) {
    text = column.getString();
    return column.isText();
  }
  static bool read(const SQLite::Column& column, TaskState& state) {
    const auto parsed = model::parse_task_state(column.getString());
    state = parsed.value_or(TaskState::queued);
    return parsed.has_value();
  }
  static bool read(const SQLite::Column& column, Verdict& verdict) {
    const auto parsed = model::parse_verdict(column.getString());
    verdict = parsed.value_or(Verdict::none);
    return parsed.has_value();
  }
  static bool read(const SQLite::Column& column, WallTime& time) {
    time = wall_from_micros(column.getInt64());
    return column.isInteger();
  }
  template <size_t N>
  static bool read(const SQLite::Column& column, std::array<uint8_t, N>& bytes) {
    const auto* data = static_cast<const uint8_t*>(column.getBlob());
    if (data == nullptr || static_cast<size_t>(column.getBytes()) != N) return false;
    std::copy_n(data, N, bytes.begin());
    return true;
  }
  static bool read(const SQLite::Column& column, TaskId& id) { return read(column, id.bytes); }
  template <class Field>
  static bool read(const SQLite::Column& column, std::optional<Field>& field) {
    if (column.isNull()) return true;
    return read(column, field.emplace());
  }

  SQLite::Statement& statement_;
  int index_ = 0;
  std::string_view bad_;
};

std::string joined_names() {
  std::string out;
  for (const std::string_view name : column_names()) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

// "name = ?number" for the columns from `begin` to `end`, joined by `separator`.
std::string assignments(size_t begin, size_t end, std::string_view separator) {
  const std::vector<std::string_view> names = column_names();
  std::string out;
  for (size_t i = begin; i < end; ++i) {
    if (i > begin) out += separator;
    out += std::string(names[i]) + " = ?" + std::to_string(i + 1);
  }
  return out;
}

}  // namespace

std::string insert_task_sql() {
  std::string parameters = "?1";
  for (size_t i = 2; i <= column_names().size(); ++i) parameters += ", ?" + std::to_string(i);
  return "INSERT INTO tasks (" + joined_names() + ") VALUES (" + parameters + ")";
}

std::string update_task_sql() {
  return "UPDATE tasks SET " + assignments(kKeyColumns, column_names().size(), ", ") + " WHERE " +
         assignments(0, kKeyColumns, " AND ");
}

std::string select_task_sql() { return "SELECT " + joined_names() + " FROM tasks"; }

std::string select_live_sql() {
  std::string sql;
  for (size_t i = 0; i < model::kTaskStateCount; ++i) {
    const auto state = static_cast<TaskState>(i);
    if (model::is_terminal(state)) continue;
    if (!sql.empty()) sql += " UNION ALL ";
    sql += select_task_sql() + " WHERE state = '" + std::string(model::to_string(state)) + "'";
  }
  return sql + " ORDER BY seq";
}

std::string select_cached_sql() {
  return select_task_sql() +
         " WHERE state = 'succeeded' AND finished_at >= ?1 AND cache = 1 AND result_of IS NULL"
         " AND EXISTS (SELECT 1 FROM results WHERE results.seq = tasks.seq)"
         " ORDER BY finished_at DESC, seq DESC LIMIT ?2";
}

std::string select_audit_sql() {
  return "SELECT " + joined_names() +
         ", EXISTS (SELECT 1 FROM programs WHERE programs.seq = tasks.seq)"
         ", (SELECT length(bytes) FROM results WHERE results.seq = tasks.seq)"
         ", (SELECT other.state FROM tasks AS other WHERE other.id = tasks.leader)"
         ", (SELECT EXISTS (SELECT 1 FROM results WHERE results.seq = other.seq)"
         " FROM tasks AS other WHERE other.id = tasks.result_of)"
         ", (SELECT count(*) FROM blob_refs WHERE blob_refs.seq = tasks.seq AND NOT EXISTS"
         " (SELECT 1 FROM blobs WHERE blobs.sha256 = blob_refs.sha256"
         " AND blobs.tenant = tasks.tenant AND blobs.complete = 1))"
         " FROM tasks ORDER BY tasks.seq";
}

size_t task_column_count() { return column_names().size(); }

void bind_task(SQLite::Statement& statement, const TaskRow& row) {
  visit_columns(row, ColumnBinder(statement));
}

void bind_id(SQLite::Statement& statement, int index, const TaskId& id) {
  statement.bind(index, id.bytes.data(), static_cast<int>(id.bytes.size()));
}

void bind_bytes(SQLite::Statement& statement, int index, const std::string& bytes) {
  statement.bindNoCopy(index, bytes.data(), static_cast<int>(bytes.size()));
}

Result<TaskRow> read_task(SQLite::Statement& statement) {
  TaskRow row;
  ColumnReader reader(statement);
  visit_columns(row, reader);
  if (reader.bad().empty()) return row;
  return damaged("the stored task with seq " + std::to_string(row.seq) + " has a bad value in " +
                 std::string(reader.bad()));
}

void bind_event(SQLite::Statement& statement, const TaskEvent& event) {
  visit_event_columns(event, ColumnBinder(statement));
}

Result<TaskEvent> read_event(SQLite::Statement& statement, const TaskId& id) {
  TaskEvent event;
  event.id = id;
  ColumnReader reader(statement);
  visit_event_columns(event, reader);
  if (reader.bad().empty()) return event;
  return damaged("a stored event of the task " + to_string(id) + " has a bad value in " +
                 std::string(reader.bad()));
}

void bind_queue(SQLite::Statement& statement, const model::QueueSettings& settings) {
  visit_queue_columns(settings, ColumnBinder(statement));
}

Result<model::QueueSettings> read_queue(SQLite::Statement& statement) {
  model::QueueSettings settings;
  ColumnReader reader(statement);
  visit_queue_columns(settings, reader);
  if (reader.bad().empty()) return settings;
  return damaged("the stored settings of the queue " + settings.queue + " have a bad value in " +
                 std::string(reader.bad()));
}

}  // namespace kiln::store
