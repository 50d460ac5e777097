// The writes of a batch as prepared statements. Runs inside a transaction of its caller.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/records.h"
#include "store/sqlite_blobs.h"

namespace SQLite {
class Database;
}  // namespace SQLite

namespace kiln::store {

class BatchWriter {
 public:
  // Prepares the statements. Throws SQLite::Exception. The database must outlive the writer.
  explicit BatchWriter(SQLite::Database& database);
  ~BatchWriter();
  BatchWriter(const BatchWriter&) = delete;
  BatchWriter& operator=(const BatchWriter&) = delete;

  // All of the writes in order, up to the first that is refused. Errors: conflict, too_large,
  // internal (the transaction is to be rolled back). Throws SQLite::Exception.
  Status apply(const model::Writes& writes);

 private:
  struct Statements;

  Status apply(const model::InsertTask& write);
  Status apply(const model::UpdateTask& write);
  Status apply(const model::PutResult& write);
  Status apply(const model::AddEvent& write);
  Status apply(const model::DeleteTask& write);
  Status apply(const model::PutQueue& write);
  Status apply(const model::PutBlobChunk& write);
  Status apply(const model::DeleteBlob& write);
  void hand_on_result(const TaskId& id, int64_t seq);
  Status why_not_inserted(const model::TaskRow& row, int code);
  std::optional<int64_t> seq_of(const TaskId& id);
  void note_commit(const model::Writes& writes);

  // The row written last in this batch: what follows is mostly about the same task.
  struct Known {
    TaskId id;
    int64_t seq = 0;
  };

  SQLite::Database& database_;
  std::optional<Known> last_;
  std::unique_ptr<Statements> statements_;
  BlobWriter blobs_;
};

}  // namespace kiln::store
