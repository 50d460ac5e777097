// Blobs in the database: their chunks, and which tasks refer to them. A blob is found by tenant and
// hash; `number` is its key inside the file.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/records.h"
#include "store/store.h"

namespace SQLite {
class Database;
}  // namespace SQLite

namespace kiln::store {

// Runs inside a transaction of its caller. Throws SQLite::Exception.
class BlobWriter {
 public:
  explicit BlobWriter(SQLite::Database& database);
  ~BlobWriter();

  Status put(const model::PutBlobChunk& write);
  void remove(const model::DeleteBlob& write);

  void refer_program(uint64_t seq, const model::BlobRefs& blobs);
  // In place of what its last result referred to.
  void refer_result(int64_t seq, const model::BlobRefs& blobs);
  // What the result of `from` refers to is now what that of `to` does.
  void hand_on(int64_t from, int64_t to);
  void forget(int64_t seq);

 private:
  struct Statements;
  std::unique_ptr<Statements> statements_;
};

// Throws SQLite::Exception.
class BlobReader {
 public:
  explicit BlobReader(SQLite::Database& database);
  ~BlobReader();

  Result<std::optional<StoredBlob>> find(const std::string& tenant, const Sha256& sha256);
  Result<model::Bytes> read(const std::string& tenant, const Sha256& sha256, uint64_t offset);
  Result<BlobUsage> usage(const std::string& tenant);
  Result<std::vector<StoredBlob>> unused(const std::string& tenant, WallTime before, size_t limit);

 private:
  struct Statements;
  std::unique_ptr<Statements> statements_;
};

// Every complete blob whose content is not what its hash says, and every one whose chunks are not
// all there, as a sentence. Reads all of them.
void check_blobs(SQLite::Database& database, const std::function<void(std::string)>& damage);

}  // namespace kiln::store
