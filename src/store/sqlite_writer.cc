#include "store/sqlite_writer.h"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <string>
#include <variant>

#include "store/batch_rules.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_use.h"

namespace kiln::store {
namespace {

constexpr int kPrimaryCodeMask = 0xFF;  // https://www.sqlite.org/rescode.html#pve
constexpr int kEventSeqParameter = 7;   // after those of bind_event

const std::string kInsertEvent =
    "INSERT INTO events (" + std::string(kEventColumns) +
    ", seq, number) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
    "1 + coalesce((SELECT max(number) FROM events WHERE seq = ?7), 0))";

const std::string kPutQueue = "INSERT OR REPLACE INTO queues (" + std::string(kQueueColumns) +
                              ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

constexpr const char* kFindHeir =
    "SELECT seq, id FROM tasks WHERE result_of = ?1 ORDER BY seq LIMIT 1";
// ?1 the heir's seq, ?2 the seq of the task that goes.
constexpr const char* kMoveResult = "UPDATE results SET seq = ?1 WHERE seq = ?2";
constexpr const char* kMakeHeir =
    "UPDATE tasks SET result_of = NULL, result_bytes = (SELECT result_bytes FROM tasks WHERE seq = "
    "?2) WHERE seq = ?1";
constexpr const char* kFollowHeir = "UPDATE tasks SET result_of = ?1 WHERE result_of = ?2";

}  // namespace

struct BatchWriter::Statements {
  explicit Statements(SQLite::Database& database)
      : find_seq(database, "SELECT seq FROM tasks WHERE id = ?1"),
        insert_task(database, insert_task_sql()),
        update_task(database, update_task_sql()),
        insert_program(database, "INSERT INTO programs (seq, bytes) VALUES (?1, ?2)"),
        put_result(database, "INSERT OR REPLACE INTO results (seq, bytes) VALUES (?1, ?2)"),
        insert_event(database, kInsertEvent),
        put_queue(database, kPutQueue),
        find_heir(database, kFindHeir),
        inherit{SQLite::Statement(database, "DELETE FROM results WHERE seq = ?1"),
                SQLite::Statement(database, kMoveResult), SQLite::Statement(database, kMakeHeir)},
        follow_heir(database, kFollowHeir),
        note_commit(database,
                    "UPDATE meta SET last_seq = max(last_seq, ?1), commits = commits + 1"),
        deletes{SQLite::Statement(database, "DELETE FROM events WHERE seq = ?1"),
                SQLite::Statement(database, "DELETE FROM results WHERE seq = ?1"),
                SQLite::Statement(database, "DELETE FROM programs WHERE seq = ?1"),
                SQLite::Statement(database, "DELETE FROM tasks WHERE seq = ?1")} {}

  SQLite::Statement find_seq;
  SQLite::Statement insert_task;
  SQLite::Statement update_task;
  SQLite::Statement insert_program;
  SQLite::Statement put_result;
  SQLite::Statement insert_event;
  SQLite::Statement put_queue;
  SQLite::Statement find_heir;
  std::array<SQLite::Statement, 3> inherit;
  SQLite::Statement follow_heir;
  SQLite::Statement note_commit;
  std::array<SQLite::Statement, 4> deletes;
};

BatchWriter::BatchWriter(SQLite::Database& database)
    : database_(database), statements_(std::make_unique<Statements>(database)), blobs_(database) {}

BatchWriter::~BatchWriter() = default;

Status BatchWriter::apply(const model::Writes& writes) {
  last_.reset();
  for (const model::Write& write : writes) {
    Status done = std::visit([this](const auto& w) { return apply(w); }, write);
    if (!done) return done;
  }
  note_commit(writes);
  return {};
}

Status BatchWriter::apply(const model::InsertTask& write) {
  if (Status s = check_insert(write); !s) return s;
  {
    const UseStatement use(statements_->insert_task);
    bind_task(*use, write.row);
    const int code = use->tryExecuteStep();
    if (code != SQLITE_DONE) return why_not_inserted(write.row, code);
  }
  last_ = {write.row.id, static_cast<int64_t>(write.row.seq)};
  if (write.program == nullptr) return {};
  blobs_.refer_program(write.row.seq, write.blobs);
  const UseStatement use(statements_->insert_program);
  use->bind(1, static_cast<int64_t>(write.row.seq));
  bind_bytes(*use, 2, *write.program);
  use->exec();
  return {};
}

// Which of id and seq is taken cannot be told from SQLite's code when both are.
Status BatchWriter::why_not_inserted(const model::TaskRow& row, int code) {
  if ((code & kPrimaryCodeMask) != SQLITE_CONSTRAINT) {
    throw SQLite::Exception(database_.getHandle(), code);
  }
  if (seq_of(row.id)) return task_exists(row.id);
  return seq_taken(row.seq);
}

Status BatchWriter::apply(const model::UpdateTask& write) {
  {
    const UseStatement use(statements_->update_task);
    bind_task(*use, write.row);
    if (use->exec() == 1) {
      last_ = {write.row.id, static_cast<int64_t>(write.row.seq)};
      return {};
    }
  }
  if (seq_of(write.row.id)) return key_changed(write.row.id);
  return unknown_task("an update", write.row.id);
}

Status BatchWriter::apply(const model::PutResult& write) {
  if (Status s = check_result(write); !s) return s;
  const auto seq = seq_of(write.id);
  if (!seq) return unknown_task("a result", write.id);
  const UseStatement use(statements_->put_result);
  use->bind(1, *seq);
  bind_bytes(*use, 2, *write.result);
  use->exec();
  blobs_.refer_result(*seq, write.blobs);
  return {};
}

Status BatchWriter::apply(const model::AddEvent& write) {
  const auto seq = seq_of(write.event.id);
  if (!seq) return unknown_task("an event", write.event.id);
  const UseStatement use(statements_->insert_event);
  bind_event(*use, write.event);
  use->bind(kEventSeqParameter, *seq);
  use->exec();
  return {};
}

Status BatchWriter::apply(const model::DeleteTask& write) {
  const auto seq = seq_of(write.id);
  if (!seq) return {};
  last_.reset();
  hand_on_result(write.id, *seq);
  blobs_.forget(*seq);
  for (SQLite::Statement& statement : statements_->deletes) {
    const UseStatement use(statement);
    use->bind(1, *seq);
    use->exec();
  }
  return {};
}

Status BatchWriter::apply(const model::PutQueue& write) {
  const UseStatement use(statements_->put_queue);
  bind_queue(*use, write.settings);
  use->exec();
  return {};
}

Status BatchWriter::apply(const model::PutBlobChunk& write) { return blobs_.put(write); }

Status BatchWriter::apply(const model::DeleteBlob& write) {
  blobs_.remove(write);
  return {};
}

// Before the task goes: its result becomes that of the oldest one that refers to it.
void BatchWriter::hand_on_result(const TaskId& id, int64_t seq) {
  int64_t heir = 0;
  std::string heir_id;
  {
    const UseStatement use(statements_->find_heir);
    bind_id(*use, 1, id);
    if (!use->executeStep()) return;
    heir = use->getColumn(0).getInt64();
    heir_id = use->getColumn(1).getString();
  }
  blobs_.hand_on(seq, heir);
  for (SQLite::Statement& statement : statements_->inherit) {
    const UseStatement use(statement);
    use->bind(1, heir);
    if (use->getBindParameterCount() > 1) use->bind(2, seq);
    use->exec();
  }
  const UseStatement use(statements_->follow_heir);
  bind_bytes(*use, 1, heir_id);
  bind_id(*use, 2, id);
  use->exec();
}

std::optional<int64_t> BatchWriter::seq_of(const TaskId& id) {
  if (last_ && last_->id == id) return last_->seq;
  const UseStatement use(statements_->find_seq);
  bind_id(*use, 1, id);
  if (!use->executeStep()) return std::nullopt;
  return use->getColumn(0).getInt64();
}

// Only a batch that inserts has a seq to note, and only an empty one needs a write of its own.
void BatchWriter::note_commit(const model::Writes& writes) {
  uint64_t highest = 0;
  for (const model::Write& write : writes) {
    if (const auto* insert = std::get_if<model::InsertTask>(&write)) {
      highest = std::max(highest, insert->row.seq);
    }
  }
  if (highest == 0 && !writes.empty()) return;
  const UseStatement use(statements_->note_commit);
  use->bind(1, static_cast<int64_t>(highest));
  use->exec();
}

}  // namespace kiln::store
