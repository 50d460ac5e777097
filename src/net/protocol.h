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
inline constexpr uint32_t kMaxListLimit = 1'000;       // of `list`

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
};
struct ResultOf {  // tag "result"
  uint64_t rid = 0;
  TaskId id;
  uint32_t wait_ms = 0;  // 0 to kMaxWaitMs
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
};
struct QueueInfo {
  std::string queue;
  std::map<std::string, uint64_t> depth;  // by state
  std::optional<WallTime> oldest;
  uint64_t dead_letters = 0;
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
  std::optional<std::string> server;  // ping: "kiln 0.1.0"
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

}  // namespace kiln::net
