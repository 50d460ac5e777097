// What the core is told. Ids, hashes and times are made outside and passed in.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "model/records.h"
#include "model/worker_messages.h"

namespace kiln::core {

// Where an answer goes: opaque to the core.
struct ClientRef {
  std::string route;   // the transport's name of the client
  uint64_t rid = 0;    // the client's number of the request, echoed in the answer
  std::string tenant;  // whose tasks this client may see
  bool admin = false;  // sees and may touch every tenant's
  auto operator<=>(const ClientRef&) const = default;
};

// Whether the client may know of a task of this tenant.
inline bool may_see(const ClientRef& client, const std::string& tenant) {
  return client.admin || client.tenant == tenant;
}

// --- from clients
// ---------------------------------------------------------------------------------

struct Submission {
  model::TaskRow
      row;  // id, tenant, queue ... hashes, submitted_at; seq, state, version are the core's
  model::Bytes program;    // encoded Program
  bool chosen_id = false;  // by the client: the same id and body are the same submission
  // The committed row with this id, looked up by the caller right before this command when the
  // client chose the id.
  std::optional<model::TaskRow> known;
  // What the client left open: the queue's settings take its place, where there are any.
  struct Open {
    bool max_retries = false;
    bool retry_on = false;
    bool retry_delay = false;
    bool full_jitter = false;
  };
  Open open = {};
  model::BlobRefs blobs = {};  // that the program refers to; they are stored
};
// All or none is accepted; committed once; one answer.
struct Submit {
  ClientRef client;
  std::vector<Submission> tasks;
  bool watch = false;  // subscribe the client to the (only) task's output from its start
};
struct QueryStatus {
  ClientRef client;
  TaskId id;
  bool history = false;  // with its events, which the answer's last step reads
};
// Answers when the task is terminal, or with its state when `wait` is over.
struct QueryResult {
  ClientRef client;
  TaskId id;
  Duration wait{0};
  bool history = false;
};
struct CancelTask {
  ClientRef client;
  TaskId id;
};
// Live output from `offset` on, then the end, as events.
struct Subscribe {
  ClientRef client;
  TaskId id;
  uint64_t offset = 0;
};
struct Unsubscribe {
  ClientRef client;
  TaskId id;
};
struct QueryList {
  ClientRef client;
  std::optional<std::string> queue;
  std::optional<model::TaskState> state;
  std::optional<uint64_t> before_seq;
  uint32_t limit = 100;
};
struct QueryQueues {
  ClientRef client;
};
struct QueryWorkers {
  ClientRef client;
};
// A retrying task is due now. One that has ended is submitted anew: answered FromStore::retry.
struct RetryTask {
  ClientRef client;
  TaskId id;
};
// Tasks that have ended, submitted anew; all in one commit. A dead one is marked requeued_as and is
// no dead letter any more; one that is so already, or purged, is left out.
struct Resubmit {
  struct Item {
    model::TaskRow old;  // as read from the store
    Submission anew;     // the same work under an id of its own
  };
  ClientRef client;
  std::vector<Item> items;
  bool one = false;  // the client named one task: it is told why that is left out
};
// Dead letters, as read from the store, are deleted; those requeued or purged meanwhile are left
// out.
struct PurgeDead {
  ClientRef client;
  std::vector<model::TaskRow> rows;
};
// --- for administrators

// Cancels up to kMaxPurge tasks of the queue that do not run, of the client's tenant (admin: of
// all), in one commit.
inline constexpr size_t kMaxPurge = 10'000;
struct PurgeQueue {
  ClientRef client;
  std::string queue;
};
// What is absent stays as it is. While a queue is paused nothing of it is assigned or joined.
struct SetQueue {
  ClientRef client;
  std::string queue;
  std::optional<bool> paused;
  std::optional<uint32_t> max_retries;
  std::optional<uint32_t> retry_on;  // bit i = RetryReason i
  std::optional<uint32_t> retry_delay_ms;
  std::optional<bool> full_jitter;
};
// `worker` is a name (several may have it) or an instance id.
struct DrainWorker {
  ClientRef client;
  std::string worker;
};
// Answered when the worker has answered, or kPingTime later.
inline constexpr Duration kPingTime = std::chrono::seconds(3);
struct PingWorker {
  ClientRef client;
  std::string worker;
};

// The client is gone: its waits and subscriptions are dropped.
struct ClientGone {
  std::string route;
};

// --- from workers
// ---------------------------------------------------------------------------------

struct WorkerSaid {
  InstanceId worker;
  model::FromWorker message;  // never Output: that goes to streams
};
// The link to it broke and a ping did not reach it: its leases go to others soon, unless it says
// hello.
struct WorkerUnreachable {
  InstanceId worker;
};

// --- from our own actors
// --------------------------------------------------------------------------

// The retry actor: the task's due time has come. Taken once, for this version only.
struct Due {
  TaskId id;
  uint64_t version = 0;
};
// The streams actor: nobody watches this task any more. `serial` is that of the last Watch of it
// that streams has seen: a later one, under way to streams, makes this out of date. Without it the
// core takes it as said.
struct Unwatched {
  TaskId id;
  uint64_t serial = std::numeric_limits<uint64_t>::max();
};

// Commits, to see whether the store still can.
struct ProbeStore {};

using Command = std::variant<Submit, QueryStatus, QueryResult, CancelTask, Subscribe, Unsubscribe,
                             QueryList, QueryQueues, QueryWorkers, RetryTask, Resubmit, PurgeDead,
                             PurgeQueue, SetQueue, DrainWorker, PingWorker, ClientGone, WorkerSaid,
                             WorkerUnreachable, Due, Unwatched, ProbeStore>;

}  // namespace kiln::core
