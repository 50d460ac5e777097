// Where tasks live between restarts. A Store takes batches of writes, each batch all or nothing and
// on disk when commit() returns; a Reader reads what is committed, over a connection of its own.
//
// Threads: one thread uses a Store; each Reader has one user, any thread, at the same time as the
// Store's. Ownership: a Reader keeps its store's files open and may outlive the Store.
//
// Errors. After these nothing of the batch is stored, and the store stays usable:
// - busy: the disk is full;
// - conflict: an insert whose id exists;
// - too_large: a program or result above kMaxValueBytes;
// - internal: a batch that breaks the rules below, so our own mistake.
// After these every later call answers the same, and the store must be closed and opened again
// before anything is acknowledged:
// - io_error: after a failed fsync a later success proves nothing;
// - timeout: the store did not say in time what became of the batch;
// - corrupt: damaged, or written by a newer version.
// After io_error and timeout it is not known whether the batch is stored, all of it or nothing:
// what an opening reads shows it. Until then nothing that rests on the batch may be told, neither
// that it holds nor that it does not.
//
// Rules of a batch, the same in every store:
// - a seq is from 1 to kMaxSeq and belongs to one task for ever;
// - UpdateTask, PutResult and AddEvent are for a task that exists when their turn comes;
// - id, seq, tenant and queue of a task never change;
// - PutResult replaces the result there may be; its bytes are not null;
// - result_of names a task that has a result of its own (a store does not check it);
// - DeleteTask of an unknown id does nothing;
// - PutBlobChunk begins where the stored part of its blob ends, has that chunk's size, and says the
//   blob's size as the first one did; DeleteBlob of one that is unknown or referred to does
//   nothing;
// - that the blobs a program or result refers to are stored is not checked.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/records.h"

namespace kiln::store {

inline constexpr size_t kMaxListRows = 1'000;
inline constexpr size_t kMaxValueBytes = size_t{256} << 20U;  // SQLite's own bound is 10^9
inline constexpr uint64_t kMaxSeq = std::numeric_limits<int64_t>::max();

// Whether a store may be used on after this error (see above).
constexpr bool stays_usable(ErrorCode code) {
  return code == ErrorCode::busy || code == ErrorCode::conflict || code == ErrorCode::too_large ||
         code == ErrorCode::internal;
}

struct ListFilter {
  std::string tenant;  // "" = all
  std::optional<std::string> queue;
  std::optional<model::TaskState> state;
  std::optional<model::Verdict> verdict;
  bool not_requeued = false;           // leave out those submitted anew (requeued_as)
  std::optional<uint64_t> before_seq;  // page on: only rows with a smaller seq
  size_t limit = 100;                  // at most kMaxListRows rows are returned
};

// A blob as it is stored.
struct StoredBlob {
  model::BlobState state;
  WallTime used_at{};  // when its last chunk came
};
struct BlobUsage {
  uint64_t bytes = 0;  // of the whole blobs, also where chunks are still to come
  uint64_t blobs = 0;
};

class Reader {
 public:
  virtual ~Reader() = default;
  virtual Result<std::optional<model::TaskRow>> find_task(const TaskId& id) = 0;
  virtual Result<model::Bytes> find_program(const TaskId& id) = 0;  // null Bytes: none
  // Of the task that result_of names, if it names one. Null Bytes: none.
  virtual Result<model::Bytes> find_result(const TaskId& id) = 0;
  virtual Result<std::vector<model::TaskEvent>> events(const TaskId& id) = 0;      // oldest first
  virtual Result<std::vector<model::TaskRow>> list(const ListFilter& filter) = 0;  // newest first
  virtual Result<std::optional<StoredBlob>> find_blob(const std::string& tenant,
                                                      const Sha256& sha256) = 0;
  // The chunk that begins at `offset`; null Bytes: there is none.
  virtual Result<model::Bytes> read_blob(const std::string& tenant, const Sha256& sha256,
                                         uint64_t offset) = 0;
  virtual Result<BlobUsage> blob_usage(const std::string& tenant) = 0;
  // Those that no task refers to and that were not used since `before`, the longest unused first.
  virtual Result<std::vector<StoredBlob>> unused_blobs(const std::string& tenant, WallTime before,
                                                       size_t limit) = 0;

  // From hold() to release() all reads see one state, that of the first of them, which is quicker
  // where there are many. See ReadTogether.
  virtual void hold() {}
  virtual void release() {}
};

// The reads of a scope. Short ones only: meanwhile the log of a SQLite store cannot start anew.
class ReadTogether {
 public:
  explicit ReadTogether(Reader& reader) : reader_(reader) { reader_.hold(); }
  ~ReadTogether() { reader_.release(); }
  ReadTogether(const ReadTogether&) = delete;
  ReadTogether& operator=(const ReadTogether&) = delete;

 private:
  Reader& reader_;
};

// What a start needs: the boot number (committed by open_boot) and the highest seq ever given, that
// of deleted tasks included.
struct Boot {
  uint64_t boot = 0;
  uint64_t last_seq = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  // Raises the boot number and commits it. Call once, first; a second call plays a restart, which
  // is what a memory store has in place of closing and opening.
  virtual Result<Boot> open_boot() = 0;
  // Calls `each` for every row that is not terminal, by rising seq. `each` does not call the store.
  virtual Status load_live(const std::function<void(model::TaskRow)>& each) = 0;
  // Calls `each` for the settings of every queue that has some, by name. Likewise.
  virtual Status load_queues(const std::function<void(model::QueueSettings)>& each) = 0;
  // What a result cache starts from: tasks that succeeded at `finished_since` or later, that allow
  // the cache and have a result of their own. The newest `limit` of them, by rising finished_at, so
  // that the newest comes last. Likewise.
  virtual Status load_cached(WallTime finished_since, size_t limit,
                             const std::function<void(model::TaskRow)>& each) = 0;
  // How many dead letters each queue has; those submitted anew do not count.
  virtual Result<std::map<std::string, uint64_t>> count_dead() = 0;
  // All of the writes, in order, or none; durable on return. An empty batch is a probe: it writes
  // and syncs like any other.
  virtual Status commit(const model::Writes& writes) = 0;
  virtual Result<std::unique_ptr<Reader>> reader() = 0;
};

// In memory: for tests and simulations.
std::unique_ptr<Store> make_memory_store();

// A SQLite database in `directory`/kiln.db (WAL, synchronous=FULL), created with mode 0600,
// migrated forward, what a crash left in its log checked in. The directory must exist. Errors:
// io_error (cannot open), corrupt (damaged, not ours, or a newer schema version), busy (another
// broker holds the data directory: `directory`/lock, flock(2); or the disk is full).
Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& directory);

}  // namespace kiln::store
