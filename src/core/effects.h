// What the core wants done. Effects leave in the order they were made, each behind the last Persist
// (that is not lazy) made before it: see outbox.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "core/commands.h"
#include "model/records.h"
#include "model/worker_messages.h"

namespace kiln::core {

struct Persist {
  model::Writes writes;
  // Lazy writes (lease rows) go with the next commit and nothing waits for them.
  bool lazy = false;
};

// To a worker. An Assign leaves with its program filled in by the sender.
struct Send {
  InstanceId worker;
  model::ToWorker message;
  // Of an Assign: it tells nothing but what this many non-lazy Persists hold, the last of them that
  // of its own task, and may go past later ones (outbox.h).
  std::optional<uint64_t> rests_on = {};
};

// A chunk of one of the tenant's blobs, for the worker that runs its task.
struct WorkerBlob {
  InstanceId worker;
  std::string tenant;
  std::variant<model::FetchBlob, model::StoreBlob> wanted;
};

// Kill what runs under this lease; its end is committed.
struct Cancel {
  InstanceId worker;
  model::LeaseRef lease;
};

// --- answers to clients
// ---------------------------------------------------------------------------

struct Accepted {  // to Submit and Resubmit: in the order of the submissions
  struct Item {
    TaskId id;
    model::TaskState state;
    std::optional<TaskId> origin = {};  // Resubmit: the task this was made from
    bool operator==(const Item&) const = default;
  };
  std::vector<Item> tasks;
  bool operator==(const Accepted&) const = default;
};
struct StatusView {  // a live task
  model::TaskRow row;
  std::string waiting;  // why it waits, for a person: "no worker has python"; "" if it runs
  std::optional<uint64_t> place;  // tasks ahead of it in its queue
  bool history = false;           // with its events
};
struct Counted {  // to PurgeDead and PurgeQueue
  uint64_t count = 0;
  bool more = false;  // the bound was reached: ask again
};
struct Done {  // to CancelTask, RetryTask and Unsubscribe
  TaskId id;
  model::TaskState state;  // after the commit
};
struct QueueView {
  std::string queue;
  std::array<uint64_t, model::kTaskStateCount> depth{};  // by state; terminal ones stay 0
  std::optional<WallTime> oldest;  // submission or due time of the oldest queued task
  uint64_t dead_letters = 0;
  bool paused = false;
  model::QueueSettings settings;
};
// Queued tasks that no connected worker could run.
struct Unservable {
  std::string queue;
  std::string language;
  uint64_t tasks = 0;
};
struct WorkerView {
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
// Read from the store once everything before is committed. A row of another tenant than the
// client's answers as no_such_task (scheduler.h).
struct FromStore {
  // retry: the row and program, with which the reader sends Resubmit.
  enum class What : uint8_t { status, result, list, retry };
  What what = What::status;
  TaskId id;             // status, result, retry
  QueryList list;        // list
  bool history = false;  // status, result: with its events
};
using ReplyBody = std::variant<Accepted, StatusView, Done, Counted, std::vector<QueueView>,
                               std::vector<WorkerView>, FromStore, Error>;
struct Reply {
  ClientRef client;
  ReplyBody body;
};

// --- to our own actors
// ----------------------------------------------------------------------------

// To retry: say Due{id, version} at this time.
struct Schedule {
  TaskId id;
  uint64_t version = 0;
  WallTime due{};
};

// To streams.
struct Watch {  // a client wants the output of this live task
  ClientRef client;
  TaskId id;
  uint64_t offset = 0;
  uint64_t serial = 0;  // grows with each Watch; see Unwatched
};
struct Unwatch {
  std::string route;
  std::optional<TaskId> id;  // absent: all of the client's
};
struct AttemptStarted {  // only this worker's output under this lease counts from now on
  InstanceId worker;
  model::LeaseRef lease;
  uint32_t attempt = 1;
};
struct TaskEnded {
  model::TaskRow row;
};
using StreamNews = std::variant<Watch, Unwatch, AttemptStarted, TaskEnded>;
struct Publish {
  StreamNews news;
};

// --- what happened, for metrics and the log
// ----------------------------------------------------------------------------

// The one list of the core's counters.
#define KILN_CORE_COUNTERS(X)                \
  X(submitted)                               \
  X(finished) /* of: state and verdict */    \
  X(retried)  /* of: reason */               \
  X(cache_hits)                              \
  X(cache_misses) /* wanted one, got none */ \
  X(joined)                                  \
  X(leases_expired)                          \
  X(stale_results) /* of: the task */        \
  X(refused_leases)
enum class Counter : uint8_t {
#define KILN_X(name) name,
  KILN_CORE_COUNTERS(KILN_X)
#undef KILN_X
};
struct EndOf {
  model::TaskState state = model::TaskState::succeeded;
  model::Verdict verdict = model::Verdict::none;
};
struct Count {
  Counter counter = Counter::submitted;
  std::string queue;
  std::variant<std::monostate, EndOf, model::RetryReason, TaskId> of = {};
};
// A task started, so long after its submission or due time.
struct Waited {
  std::string queue;
  Duration waited{};
};
// An attempt ended with a result that was taken.
struct AttemptEnded {
  TaskId id;
  Sha256 code_hash{};
  uint32_t attempt = 1;
  std::string worker;
  model::Verdict verdict = model::Verdict::none;
  model::Cost cost;
};
struct WorkerGone {
  std::string name;
  bool lost = false;  // else it said goodbye
};

using Effect = std::variant<Persist, Send, Cancel, Reply, Schedule, Publish, Count, Waited,
                            AttemptEnded, WorkerGone, WorkerBlob>;
using Effects = std::vector<Effect>;

}  // namespace kiln::core
