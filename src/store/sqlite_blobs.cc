#include "store/sqlite_blobs.h"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <algorithm>
#include <array>
#include <optional>

#include "store/batch_rules.h"
#include "store/sqlite_rows.h"
#include "store/sqlite_use.h"

namespace kiln::store {
namespace {

constexpr const char* kProgram = "program";
constexpr const char* kResult = "result";

constexpr const char* kFind =
    "SELECT number, sha256, size, received, complete, used_at FROM blobs"
    " WHERE tenant = ?1 AND sha256 = ?2";
// Referred to: by a task of the blob's tenant.
#define KILN_UNREFERRED                                        \
  "NOT EXISTS (SELECT 1 FROM blob_refs JOIN tasks USING (seq)" \
  " WHERE blob_refs.sha256 = blobs.sha256 AND tasks.tenant = blobs.tenant)"
constexpr const char* kUnused =
    "SELECT number, sha256, size, received, complete, used_at FROM blobs"
    " WHERE tenant = ?1 AND used_at < ?2 AND " KILN_UNREFERRED " ORDER BY used_at LIMIT ?3";
constexpr const char* kFindUnreferred =
    "SELECT number FROM blobs WHERE tenant = ?1 AND sha256 = ?2 AND " KILN_UNREFERRED;
#undef KILN_UNREFERRED

void bind_hash(SQLite::Statement& statement, int index, const Sha256& sha256) {
  statement.bind(index, sha256.data(), static_cast<int>(sha256.size()));
}

struct Found {
  int64_t number = 0;
  StoredBlob blob;
};

Result<Found> read_found(SQLite::Statement& row) {
  Found found;
  found.number = row.getColumn(0).getInt64();
  const std::string hash = row.getColumn(1).getString();
  model::BlobState& state = found.blob.state;
  if (hash.size() != state.blob.sha256.size()) {
    return Error{ErrorCode::corrupt, "the hash of a blob is damaged in the store", "", "", ""};
  }
  std::ranges::copy(hash, state.blob.sha256.begin());
  state.blob.size = static_cast<uint64_t>(row.getColumn(2).getInt64());
  state.received = static_cast<uint64_t>(row.getColumn(3).getInt64());
  state.complete = row.getColumn(4).getInt64() != 0;
  found.blob.used_at = wall_from_micros(row.getColumn(5).getInt64());
  return found;
}

Result<std::optional<Found>> find_in(SQLite::Statement& find, const std::string& tenant,
                                     const Sha256& sha256) {
  const UseStatement use(find);
  use->bind(1, tenant);
  bind_hash(*use, 2, sha256);
  if (!use->executeStep()) return std::optional<Found>();
  Result<Found> found = read_found(*use);
  if (!found) return std::move(found).error();
  return std::optional(*std::move(found));
}

}  // namespace

// --- writing

struct BlobWriter::Statements {
  explicit Statements(SQLite::Database& database)
      : find(database, kFind),
        insert(database,
               "INSERT INTO blobs (tenant, sha256, size, received, complete, used_at)"
               " VALUES (?1, ?2, ?3, 0, 0, 0) RETURNING number"),
        insert_chunk(database, "INSERT INTO blob_chunks (blob, at, bytes) VALUES (?1, ?2, ?3)"),
        grow(database,
             "UPDATE blobs SET received = received + ?2, complete = ?3, used_at = ?4"
             " WHERE number = ?1"),
        find_unreferred(database, kFindUnreferred),
        remove{SQLite::Statement(database, "DELETE FROM blob_chunks WHERE blob = ?1"),
               SQLite::Statement(database, "DELETE FROM blobs WHERE number = ?1")},
        refer(database, "INSERT OR IGNORE INTO blob_refs (seq, part, sha256) VALUES (?1, ?2, ?3)"),
        forget_part(database, "DELETE FROM blob_refs WHERE seq = ?1 AND part = ?2"),
        forget(database, "DELETE FROM blob_refs WHERE seq = ?1"),
        hand_on(database,
                "INSERT OR IGNORE INTO blob_refs (seq, part, sha256)"
                " SELECT ?2, part, sha256 FROM blob_refs WHERE seq = ?1 AND part = 'result'") {}

  SQLite::Statement find;
  SQLite::Statement insert;
  SQLite::Statement insert_chunk;
  SQLite::Statement grow;
  SQLite::Statement find_unreferred;
  std::array<SQLite::Statement, 2> remove;
  SQLite::Statement refer;
  SQLite::Statement forget_part;
  SQLite::Statement forget;
  SQLite::Statement hand_on;

  void add_refs(int64_t seq, const char* part, const model::BlobRefs& blobs) {
    for (const model::BlobRef& blob : blobs) {
      const UseStatement use(refer);
      use->bind(1, seq);
      use->bind(2, part);
      bind_hash(*use, 3, blob.sha256);
      use->exec();
    }
  }

  int64_t make(const model::PutBlobChunk& write) {
    const UseStatement use(insert);
    use->bind(1, write.tenant);
    bind_hash(*use, 2, write.blob.sha256);
    use->bind(3, static_cast<int64_t>(write.blob.size));
    use->executeStep();
    return use->getColumn(0).getInt64();
  }
};

BlobWriter::BlobWriter(SQLite::Database& database)
    : statements_(std::make_unique<Statements>(database)) {}
BlobWriter::~BlobWriter() = default;

Status BlobWriter::put(const model::PutBlobChunk& write) {
  const auto found = find_in(statements_->find, write.tenant, write.blob.sha256);
  if (!found) return found.error();
  const std::optional<Found>& known = *found;
  if (Status s = check_chunk(write, known ? &known->blob.state : nullptr); !s) return s;
  const int64_t number = known ? known->number : statements_->make(write);
  {
    const UseStatement use(statements_->insert_chunk);
    use->bind(1, number);
    use->bind(2, static_cast<int64_t>(write.offset));
    bind_bytes(*use, 3, *write.bytes);
    use->exec();
  }
  const UseStatement use(statements_->grow);
  use->bind(1, number);
  use->bind(2, static_cast<int64_t>(write.bytes->size()));
  use->bind(3, write.last ? 1 : 0);
  use->bind(4, static_cast<int64_t>(to_micros(write.at)));
  use->exec();
  return {};
}

void BlobWriter::remove(const model::DeleteBlob& write) {
  int64_t number = 0;
  {
    const UseStatement use(statements_->find_unreferred);
    use->bind(1, write.tenant);
    bind_hash(*use, 2, write.sha256);
    if (!use->executeStep()) return;
    number = use->getColumn(0).getInt64();
  }
  for (SQLite::Statement& statement : statements_->remove) {
    const UseStatement use(statement);
    use->bind(1, number);
    use->exec();
  }
}

void BlobWriter::refer_program(uint64_t seq, const model::BlobRefs& blobs) {
  statements_->add_refs(static_cast<int64_t>(seq), kProgram, blobs);
}

void BlobWriter::refer_result(int64_t seq, const model::BlobRefs& blobs) {
  {
    const UseStatement use(statements_->forget_part);
    use->bind(1, seq);
    use->bind(2, kResult);
    use->exec();
  }
  statements_->add_refs(seq, kResult, blobs);
}

void BlobWriter::hand_on(int64_t from, int64_t to) {
  const UseStatement use(statements_->hand_on);
  use->bind(1, from);
  use->bind(2, to);
  use->exec();
}

void BlobWriter::forget(int64_t seq) {
  const UseStatement use(statements_->forget);
  use->bind(1, seq);
  use->exec();
}

// --- reading

struct BlobReader::Statements {
  explicit Statements(SQLite::Database& database)
      : find(database, kFind),
        read(database,
             "SELECT bytes FROM blob_chunks WHERE at = ?3 AND blob ="
             " (SELECT number FROM blobs WHERE tenant = ?1 AND sha256 = ?2)"),
        usage(database, "SELECT coalesce(sum(size), 0), count(*) FROM blobs WHERE tenant = ?1"),
        unused(database, kUnused) {}

  SQLite::Statement find;
  SQLite::Statement read;
  SQLite::Statement usage;
  SQLite::Statement unused;
};

BlobReader::BlobReader(SQLite::Database& database)
    : statements_(std::make_unique<Statements>(database)) {}
BlobReader::~BlobReader() = default;

Result<std::optional<StoredBlob>> BlobReader::find(const std::string& tenant,
                                                   const Sha256& sha256) {
  const auto found = find_in(statements_->find, tenant, sha256);
  if (!found) return found.error();
  if (!*found) return std::optional<StoredBlob>();
  return std::optional((*found)->blob);
}

Result<model::Bytes> BlobReader::read(const std::string& tenant, const Sha256& sha256,
                                      uint64_t offset) {
  const UseStatement use(statements_->read);
  use->bind(1, tenant);
  bind_hash(*use, 2, sha256);
  use->bind(3, static_cast<int64_t>(offset));
  if (!use->executeStep()) return model::Bytes();
  return model::Bytes(std::make_shared<const std::string>(use->getColumn(0).getString()));
}

Result<BlobUsage> BlobReader::usage(const std::string& tenant) {
  const UseStatement use(statements_->usage);
  use->bind(1, tenant);
  use->executeStep();
  return BlobUsage{static_cast<uint64_t>(use->getColumn(0).getInt64()),
                   static_cast<uint64_t>(use->getColumn(1).getInt64())};
}

Result<std::vector<StoredBlob>> BlobReader::unused(const std::string& tenant, WallTime before,
                                                   size_t limit) {
  const UseStatement use(statements_->unused);
  use->bind(1, tenant);
  use->bind(2, static_cast<int64_t>(to_micros(before)));
  use->bind(3, static_cast<int64_t>(limit));
  std::vector<StoredBlob> blobs;
  while (use->executeStep()) {
    Result<Found> found = read_found(*use);
    if (!found) return std::move(found).error();
    blobs.push_back(found->blob);
  }
  return blobs;
}

void check_blobs(SQLite::Database& database, const std::function<void(std::string)>& damage) {
  SQLite::Statement blobs(
      database,
      "SELECT number, sha256, size, received, complete, used_at FROM blobs ORDER BY number");
  SQLite::Statement chunks(database,
                           "SELECT at, bytes FROM blob_chunks WHERE blob = ?1 ORDER BY at");
  while (blobs.executeStep()) {
    const Result<Found> found = read_found(blobs);
    if (!found) {
      damage(found.error().message);
      continue;
    }
    const model::BlobState& state = found->blob.state;
    const UseStatement use(chunks);
    use->bind(1, found->number);
    Sha256Hasher hash;
    uint64_t stored = 0;
    for (; use->executeStep();) {
      if (static_cast<uint64_t>(use->getColumn(0).getInt64()) != stored) break;
      const std::string bytes = use->getColumn(1).getString();
      hash.add(bytes);
      stored += bytes.size();
    }
    const bool whole = stored == state.received && (!state.complete || stored == state.blob.size);
    if (!whole || (state.complete && hash.finish() != state.blob.sha256)) {
      damage("the blob " + to_hex(state.blob.sha256) + " is not what was stored");
    }
  }
}

}  // namespace kiln::store
