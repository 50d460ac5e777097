// The protocol: one struct per message; protocol_fields.h gives each its tag and its one field
// list. A message is one msgpack map; "v" (version) and "t" (tag) come first, then the fields by
// those names. docs/protocol.md shows each message as a client sees it.
//
// To add a message: a struct (or one of model/worker_messages.h), its Message<> entry in
// protocol_fields.h, its place in one of the four variants (codec.h, model/worker_messages.h), a
// line in tests/net/samples.cc (which gives it a golden file and its tests), a handler.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "model/blob.h"
#include "model/records.h"
#include "model/result.h"
#include "model/task.h"
#include "model/worker_messages.h"

namespace kiln::net {

inline constexpr uint32_t kProtocolVersion = 1;
inline constexpr size_t kMaxMessageBytes = size_t{16} << 20U;
inline constexpr size_t kMaxDepth = 16;                // maps and arrays inside each other
inline constexpr size_t kMaxBatch = 10'000;            // tasks of one submit_batch
inline constexpr size_t kMaxListItems = kMaxBatch;     // entries of any array
inline constexpr size_t kMaxMapItems = 1'024;          // entries of any map
inline constexpr size_t kMaxItems = size_t{1} << 20U;  // values of one message, keys included
inline constexpr uint32_t kMaxWaitMs = 60'000;         // of `result`
inline constexpr uint32_t kMaxListLimit = 1'000;       // of `list` and `dead_letters`

// --- client -> broker (each has `rid`, echoed in the answer; absent: 0)
// ---------------------------

// `task` is model::TaskSpec and its Program as one map (times: microseconds since the epoch; ids:
// UUID text; env, files and limits: maps by name). The tenant is never on the wire.
struct Submit {
  uint64_t rid = 0;
  model::TaskSpec task;
  bool watch = false;  // send its output as `event`s from the start
};
struct SubmitBatch {
  uint64_t rid = 0;
  std::vector<model::TaskSpec> tasks;
};
struct StatusOf {  // tag "status"
  uint64_t rid = 0;
  TaskId id;
  bool history = false;  // with its events
};
struct ResultOf {  // tag "result"
  uint64_t rid = 0;
  TaskId id;
  uint32_t wait_ms = 0;  // 0 to kMaxWaitMs
  bool history = false;  // with its events
};
struct Cancel {
  uint64_t rid = 0;
  TaskId id;
};
struct Subscribe {
  uint64_t rid = 0;
  TaskId id;
  uint64_t offset = 0;
};
struct Unsubscribe {
  uint64_t rid = 0;
  TaskId id;
};
struct List {
  uint64_t rid = 0;
  std::optional<std::string> queue;
  std::optional<model::TaskState> state;
  std::optional<uint64_t> before_seq;
  uint32_t limit = 100;  // 1 to kMaxListLimit
};
struct Queues {
  uint64_t rid = 0;
};
struct Workers {
  uint64_t rid = 0;
};
struct Ping {
  uint64_t rid = 0;
};
// A retrying task is due now; one that failed, is dead, cancelled or expired is submitted anew.
struct Retry {
  uint64_t rid = 0;
  TaskId id;
};

// What is asked of dead letters.
#define KILN_DEAD_LETTER_OPS(X)                                                   \
  X(list)    /* tasks, newest first; those requeued already are left out */       \
  X(show)    /* one: task, history and last result */                             \
  X(requeue) /* submit anew: `ids`, or up to `limit` of those the filter keeps */ \
  X(purge)   /* delete: the same choice */
enum class DeadLetterOp : uint8_t {
#define KILN_X(name) name,
  KILN_DEAD_LETTER_OPS(KILN_X)
#undef KILN_X
};
struct DeadLetters {
  uint64_t rid = 0;
  DeadLetterOp op = DeadLetterOp::list;
  std::vector<TaskId> ids;  // these; empty: the filter's
  std::optional<std::string> queue;
  std::optional<model::Verdict> verdict;
  std::optional<uint64_t> before_seq;
  uint32_t limit = 100;  // 1 to kMaxListLimit
  bool dry_run = false;  // requeue, purge: only say which
};

// What an administrator may ask for.
#define KILN_ADMIN_OPS(X)                                                      \
  X(pause_queue) /* nothing of it is given to a worker */                      \
  X(resume_queue)                                                              \
  X(purge_queue)  /* cancels what waits in it */                               \
  X(set_queue)    /* what submissions to it get that say nothing themselves */ \
  X(drain_worker) /* it finishes what runs, gives back the rest and leaves */  \
  X(ping_worker)  /* answered once the worker has answered */
enum class AdminOp : uint8_t {
#define KILN_X(name) name,
  KILN_ADMIN_OPS(KILN_X)
#undef KILN_X
};
struct Admin {
  uint64_t rid = 0;
  AdminOp op = AdminOp::pause_queue;
  std::optional<std::string> queue;   // of the queue's operations
  std::optional<std::string> worker;  // of the worker's: its name or its instance id
  // set_queue: absent ones stay as they are.
  std::optional<uint32_t> max_retries;  // 0 to model::kMaxRetries
  std::optional<std::vector<model::RetryReason>> retry_on;
  std::optional<uint32_t> retry_delay_ms;  // 1 to model::kMaxRetryDelayMs
  std::optional<bool> full_jitter;
};

// A chunk of a blob: of an input file to come, say. Without data: how much of it is stored. What is
// not the next chunk changes nothing; the answer's `blob.received` says where that begins. Answered
// once it is on disk.
struct PutBlob {
  uint64_t rid = 0;
  model::BlobRef blob;
  uint64_t offset = 0;
  std::string data;
};
// Answered with the chunk at `offset`.
struct GetBlob {
  uint64_t rid = 0;
  Sha256 sha256{};
  uint64_t offset = 0;                // a multiple of model::kBlobChunkBytes
  std::optional<std::string> tenant;  // of an administrator: whose; absent: one's own
};

// --- broker -> client
// -----------------------------------------------------------------------------

// A task as clients see it.
struct TaskInfo {
  TaskId id;
  std::string queue;
  int priority = 0;
  std::string language;
  model::TaskState state = model::TaskState::queued;
  model::Verdict verdict = model::Verdict::none;
  uint32_t attempt = 0;
  uint32_t retry_count = 0;
  std::string code_hash;  // hex
  std::string worker;
  WallTime submitted_at{};
  std::optional<WallTime> due_at;
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
  std::string waiting;            // why it waits, for a person
  std::optional<uint64_t> place;  // tasks ahead of it in its queue
  uint64_t seq = 0;
  std::optional<TaskId> origin;       // submitted anew from that task
  std::optional<TaskId> requeued_as;  // a dead letter: submitted anew as that task
  std::optional<TaskId> leader;       // joined: shares that task's end
  std::optional<TaskId> result_of;    // its result is that task's
  uint32_t losses = 0;                // attempts whose worker was lost
  std::string tenant;
  std::optional<WallTime> expires_at;
};
// One line of a task's history.
struct EventInfo {
  WallTime at{};
  model::TaskState state = model::TaskState::queued;
  uint32_t attempt = 0;
  model::Verdict verdict = model::Verdict::none;
  std::string worker;
  std::string note;  // for a person
};
struct QueueInfo {
  std::string queue;
  std::map<std::string, uint64_t> depth;  // by state
  std::optional<WallTime> oldest;
  uint64_t dead_letters = 0;
  bool paused = false;
  // What submissions to it get that say nothing themselves; absent: the defaults.
  std::optional<uint32_t> max_retries;
  std::optional<std::vector<model::RetryReason>> retry_on;
  std::optional<uint32_t> retry_delay_ms;
  std::optional<bool> full_jitter;
};
struct WorkerInfo {
  InstanceId instance;
  std::string name;
  uint32_t slots = 0;
  uint32_t credit = 0;
  uint32_t leases = 0;
  std::vector<model::LanguageVersion> languages;
  std::vector<std::string> queues;
  std::vector<std::string> tags;
  bool up = true;
  uint64_t heard_ms_ago = 0;  // since its last message
  bool draining = false;
};
// One answer to every request that succeeded; only the fields that belong to the request are
// present.
struct Ok {
  uint64_t rid = 0;
  std::optional<TaskInfo> task;                // submit, status, result, cancel, subscribe
  std::optional<model::TaskResult> result;     // result, when the task has one
  std::optional<std::vector<TaskInfo>> tasks;  // submit_batch (id and state only), list
  std::optional<std::vector<QueueInfo>> queues;
  std::optional<std::vector<WorkerInfo>> workers;
  std::optional<std::string> server;              // ping: "kiln 0.1.0"
  std::optional<uint64_t> count;                  // purge_queue, requeue, purge: how many
  std::optional<bool> more;                       // the same: there are more, ask again
  std::optional<std::vector<EventInfo>> history;  // status and result with `history`, show
  std::optional<model::BlobState> blob;           // put_blob, get_blob
  std::optional<std::string> data;                // get_blob: the chunk
};
struct ErrorReply {  // tag "error"
  uint64_t rid = 0;
  Error error;  // code message field cause hint
};
// To subscribers, unasked. Output chunks of one attempt are contiguous by offset; `end` comes last.
struct Event {
  TaskId id;
  std::string kind;  // "output", "attempt" (a new attempt: offsets start again), "gap", "end"
  uint32_t attempt = 0;
  uint64_t offset = 0;           // output: of its first byte; gap: of the next byte that will come
  uint8_t stream = 0;            // output: 1 = stdout, 2 = stderr
  std::string data;              // output: bytes
  std::optional<TaskInfo> task;  // end
};

// --- words
// ----------------------------------------------------------------------------------------

#define KILN_X(name) +1
inline constexpr size_t kDeadLetterOpCount = 0 KILN_DEAD_LETTER_OPS(KILN_X);
inline constexpr size_t kAdminOpCount = 0 KILN_ADMIN_OPS(KILN_X);
#undef KILN_X
std::string_view to_string(DeadLetterOp op);
std::string_view to_string(AdminOp op);
std::optional<DeadLetterOp> parse_dead_letter_op(std::string_view name);
std::optional<AdminOp> parse_admin_op(std::string_view name);

}  // namespace kiln::net
