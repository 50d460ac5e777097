// The rows of the store, and the writes that change them. The core makes writes, the journal
// commits them in order, the store applies them. Programs and results are opaque bytes here
// (encoded by net/codec.h), shared so that a queue never copies them.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "model/blob.h"
#include "model/states.h"
#include "model/task.h"

namespace kiln::model {

using Bytes = std::shared_ptr<const std::string>;

// The fencing token of a lease: the boot number of the broker (committed at its start), then a
// counter. A higher epoch wins.
struct Epoch {
  uint64_t boot = 0;
  uint64_t counter = 0;
  auto operator<=>(const Epoch&) const = default;
};

// Everything about a task but its program and result.
struct TaskRow {
  TaskId id;
  uint64_t seq = 0;      // order of acceptance, given by the broker; never reused
  uint64_t version = 0;  // grows with each change; a due time is for one version
  std::string tenant;
  std::string queue;
  int priority = kDefaultPriority;
  std::string language;
  TaskState state = TaskState::queued;
  Verdict verdict = Verdict::none;  // of the last attempt that ended
  uint32_t attempt = 0;             // 0: not started; counts from 1
  uint32_t retries_used = 0;
  uint32_t losses = 0;  // attempts whose lease was lost
  uint32_t max_retries = kDefaultMaxRetries;
  uint32_t retry_on = 0;                           // bit i = RetryReason i
  uint32_t retry_delay_ms = kDefaultRetryDelayMs;  // the first backoff; the next ones grow from it
  bool full_jitter = false;                        // each backoff anywhere between 0 and its time
  bool wait = false;
  bool cache = true;
  Epoch epoch;         // of the last lease
  std::string worker;  // name of the last worker
  WallTime submitted_at{};
  std::optional<WallTime>
      due_at;  // scheduled and retrying: when; queued later on: the time it came due
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
  std::optional<WallTime> expires_at;
  Sha256 code_hash{};
  Sha256 cache_key{};
  Sha256 body_hash{};
  std::optional<TaskId> leader;       // joined: whose end it shares
  std::optional<TaskId> origin;       // submitted anew from that task
  std::optional<TaskId> requeued_as;  // dead and submitted anew as that task
  std::optional<TaskId> result_of;    // its result is that task's: a cache hit, or joined
  uint64_t result_bytes = 0;          // size of its own result in the store; 0: it has none
  std::string owner;                  // broker that owns the queue; "" while there is one broker
  uint64_t owner_epoch = 0;
  bool operator==(const TaskRow&) const = default;
};

// One line of a task's history.
struct TaskEvent {
  TaskId id;
  WallTime at{};
  TaskState state = TaskState::queued;
  uint32_t attempt = 0;
  Verdict verdict = Verdict::none;
  std::string worker;
  std::string note;  // "retry: timeout, in 5.2 s"
  bool operator==(const TaskEvent&) const = default;
};

// How a queue is run, set by people. What is absent is the default for every queue.
struct QueueSettings {
  std::string queue;
  bool paused = false;  // accepts tasks and starts none
  // For submissions that say nothing themselves:
  std::optional<uint32_t> max_retries;
  std::optional<uint32_t> retry_on;  // bit i = RetryReason i
  std::optional<uint32_t> retry_delay_ms;
  std::optional<bool> full_jitter;
  bool operator==(const QueueSettings&) const = default;
};

// --- writes
// ---------------------------------------------------------------------------------------

struct InsertTask {
  TaskRow row;
  Bytes program;
  BlobRefs blobs = {};  // that the program refers to
};
struct UpdateTask {
  TaskRow row;  // replaces the row with this id; the row must exist
};
struct PutResult {
  TaskId id;
  Bytes result;
  BlobRefs blobs = {};  // that the result refers to
};
struct AddEvent {
  TaskEvent event;
};
// Row, program, result and events (retention, purge). If other tasks have this one's result
// (result_of), it becomes the oldest one's own, and the rest refer to that one from then on.
struct DeleteTask {
  TaskId id;
};
struct PutQueue {
  QueueSettings settings;  // replaces those there may be
};
// The next chunk of a blob, the first one makes it. `last`: with it the blob is complete, and its
// hash was checked.
struct PutBlobChunk {
  std::string tenant;
  BlobRef blob;
  uint64_t offset = 0;  // where the stored part ends
  Bytes bytes;
  bool last = false;
  WallTime at{};
};
// Unless a task refers to it.
struct DeleteBlob {
  std::string tenant;
  Sha256 sha256{};
};
using Write = std::variant<InsertTask, UpdateTask, PutResult, AddEvent, DeleteTask, PutQueue,
                           PutBlobChunk, DeleteBlob>;
using Writes = std::vector<Write>;

}  // namespace kiln::model
