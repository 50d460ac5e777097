// Task rows and events as rows of the database. The columns of the tasks table are listed once, in
// sqlite_rows.cc; the SQL, the binding and the reading all follow that list.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/records.h"

namespace SQLite {
class Statement;
}  // namespace SQLite

namespace kiln::store {

// "INSERT INTO tasks (seq, id, ...) VALUES (?1, ?2, ...)".
std::string insert_task_sql();
// "UPDATE tasks SET ... WHERE seq = ?1 AND id = ?2 AND ...", with the same parameters. The columns
// that never change are in WHERE, so their indexes stay untouched and a row with other ones is not
// found.
std::string update_task_sql();
// "SELECT seq, id, ... FROM tasks".
std::string select_task_sql();
// select_task_sql() of the live states, by rising seq, merged from the index of states: no sort.
std::string select_live_sql();

// select_task_sql() of what Store::load_cached wants, the newest first: ?1 finished_since in
// microseconds, ?2 limit. Read from the index of ends: no sort.
std::string select_cached_sql();

// Of every task, by rising seq: the columns of select_task_sql() (task_column_count() of them),
// then whether it has a program, its own result's size, the state of its leader, and whether the
// task that result_of names has a result of its own, each NULL where there is no such thing; and
// how many blobs it refers to that are not stored whole.
std::string select_audit_sql();
size_t task_column_count();

// Binds all columns. The row must live until the statement is reset (strings are not copied).
void bind_task(SQLite::Statement& statement, const model::TaskRow& row);
// Parameter `index` as the 16 bytes of the id, copied.
void bind_id(SQLite::Statement& statement, int index, const TaskId& id);
// As a blob, not copied: `bytes` must live until the statement is reset.
// Precondition: at most kMaxValueBytes.
void bind_bytes(SQLite::Statement& statement, int index, const std::string& bytes);

// The current row of a statement made by select_task_sql(). Error: corrupt, naming the column.
Result<model::TaskRow> read_task(SQLite::Statement& statement);

// Columns of an event after its key: at, state, attempt, verdict, worker, note.
inline constexpr std::string_view kEventColumns = "at, state, attempt, verdict, worker, note";
// Binds them to parameters 1 to 6. Lifetimes as bind_task.
void bind_event(SQLite::Statement& statement, const model::TaskEvent& event);
Result<model::TaskEvent> read_event(SQLite::Statement& statement, const TaskId& id);

// All columns of queues, in order: parameters 1 to 6. Lifetimes as bind_task.
inline constexpr std::string_view kQueueColumns =
    "queue, paused, max_retries, retry_on, retry_delay_ms, full_jitter";
void bind_queue(SQLite::Statement& statement, const model::QueueSettings& settings);
Result<model::QueueSettings> read_queue(SQLite::Statement& statement);

}  // namespace kiln::store
