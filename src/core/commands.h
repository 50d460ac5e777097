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
  auto operator<=>(const ClientRef&) const = default;
};

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
};
// Answers when the task is terminal, or with its state when `wait` is over.
struct QueryResult {
  ClientRef client;
  TaskId id;
  Duration wait{0};
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

using Command = std::variant<Submit, QueryStatus, QueryResult, CancelTask, Subscribe, Unsubscribe,
                             QueryList, QueryQueues, QueryWorkers, ClientGone, WorkerSaid,
                             WorkerUnreachable, Due, Unwatched>;

}  // namespace kiln::core
