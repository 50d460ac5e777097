// What the actors of one process say to each other. Never serialized: a message is moved from the
// sender to the one receiver, which may take its content (handlers have it as a mutable reference).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "core/commands.h"
#include "core/effects.h"
#include "core/worker_session.h"
#include "metrics/broker.h"
#include "model/records.h"
#include "model/result.h"
#include "net/protocol.h"
#include "net/transport.h"
#include "sandbox/cell_runner.h"
#include "store/store.h"

namespace kiln::actors {

// --- broker
// ---------------------------------------------------------------------------------------

// Transport -> broker_link.
struct InboundBatch {
  std::vector<net::Inbound> messages;
};
struct PeerLost {
  net::Peer peer = net::Peer::client;
  std::string route;
};

// Anyone -> queue: what the scheduler is told, in order.
struct CommandBatch {
  std::vector<core::Command> commands;
};

// queue -> journal, and its answers. No error: all of the batch is on disk.
struct CommitBatch {
  model::Writes writes;
};
struct CommitDone {
  std::optional<Error> error;
};
// Open the store anew if it failed, raise the boot number, load what is live and what the cache
// starts from.
struct Reload {
  WallTime cached_since{};
  size_t max_cached = 0;
};
struct Loaded {
  std::optional<Error> error;
  store::Boot boot;
  std::vector<model::TaskRow> rows;
  std::vector<model::QueueSettings> queues;
  std::vector<model::TaskRow> cached;
  std::map<std::string, uint64_t> dead;  // dead letters by queue
};

// supervisor -> queue: load; answered once the first load succeeded or failed.
struct LoadFirst {};
struct LoadDone {
  std::optional<Error> error;
  size_t live_tasks = 0;
};
// supervisor -> itself, when the wait before a restart is over.
struct StartChild {
  std::string child;
};
// For tests of supervision: ends this actor as if it had failed. Answers whether there is one.
struct CrashChild {
  std::string child;
};

// What the supervisor tells who started the broker.
struct Listening {
  std::optional<Error> error;
  std::string clients_endpoint;
  std::string workers_endpoint;
};

// queue -> broker_link: Send, Cancel and Reply effects, in order.
struct EffectBatch {
  core::Effects effects;
};
// streams -> broker_link.
struct ClientEvent {
  std::string route;
  net::Event event;
};
struct ClientEvents {
  std::vector<ClientEvent> events;
};
// queue -> streams: the scheduler is loaded anew and knows of no watcher.
struct WatchAgain {};
// queue -> streams; reader -> streams, for the end of a task that the scheduler no longer
// knows.
struct StreamBatch {
  std::vector<core::StreamNews> news;
};
// broker_link -> streams, with the worker that said it.
struct WorkerOutput {
  InstanceId worker;
  model::Output chunk;
};
struct WorkerOutputBatch {
  std::vector<WorkerOutput> output;
};
// streamer -> session.
struct OutputBatch {
  std::vector<model::Output> output;
};
// broker_link -> reader: answers that are to be read from the store.
struct ReadBatch {
  std::vector<core::Reply> replies;
};
// reader -> broker_link: encoded.
struct Answer {
  core::ClientRef client;
  std::string bytes;
};
struct AnswerBatch {
  std::vector<Answer> answers;
};
// A chunk of a blob that a client (broker_link) or a worker (queue) sends or wants.
struct BlobRequest {
  enum class What : uint8_t { put, get };
  What what = What::get;
  std::variant<core::ClientRef, InstanceId> from;
  uint64_t rid = 0;
  std::string tenant;
  model::BlobRef blob;  // get: without its size
  uint64_t offset = 0;
  std::string data;
};
struct BlobRequests {
  std::vector<BlobRequest> requests;
};
// broker_link -> blobs: goes on to the queue if the blobs it refers to are there.
struct SubmitWithBlobs {
  core::Submit command;
};
// queue -> retry.
struct ScheduleBatch {
  std::vector<core::Schedule> schedules;
};
// queue -> dead_letter: tasks that have just become dead.
struct DeadBatch {
  std::vector<model::TaskRow> rows;
};
// broker_link -> dead_letter: what a client asks of dead letters.
struct LetterRequest {
  core::ClientRef client;
  net::DeadLetters wanted;
};
// queue -> telemetry.
using Fact = std::variant<core::Count, core::Waited, core::AttemptEnded, core::WorkerGone>;
struct FactBatch {
  std::vector<Fact> facts;
};
// A scrape -> queue, by way of the supervisor. Nothing: no tasks are loaded.
struct SampleRequest {};
struct Sample {
  std::optional<metrics::BrokerSample> sample;
};

// BrokerNode -> supervisor. The answer comes once the broker listens, or cannot.
struct StartBroker {};

// --- worker
// ---------------------------------------------------------------------------------------

// WorkerNode -> supervisor -> session: connect to the broker. (That there is one shows later.)
struct OpenLink {
  std::string endpoint;
  std::optional<net::ClientKeys> keys;
};
struct LinkOpened {
  std::optional<Error> error;
};
// Transport -> session.
struct FromBrokerBatch {
  std::vector<std::string> messages;
};
// session -> executor.
struct RunTask {
  model::Assign assign;
};
struct StopTask {
  model::LeaseRef lease;
};
struct WatchChange {
  model::LeaseRef lease;
  bool on = false;
};
// executor -> streamer.
struct WatchCell {
  sandbox::CellId cell = 0;
  bool on = false;
};
// executor -> streamer: the output of this cell belongs to this lease.
struct StreamOpened {
  sandbox::CellId cell = 0;
  model::LeaseRef lease;
  bool watch = false;
};
// Cell runner -> executor.
struct CellStarted {
  sandbox::CellId cell = 0;
};
struct CellFinished {
  sandbox::CellId cell = 0;
  model::TaskResult result;
};
// Cell runner -> streamer. `offset` counts the bytes of both streams together.
struct CellOutput {
  sandbox::CellId cell = 0;
  uint64_t offset = 0;
  sandbox::Stream stream = sandbox::Stream::out;
  std::string bytes;
};
// executor -> session.
struct TaskStarted {
  model::LeaseRef lease;
};
// executor -> streamer: all output of this cell has been told; answered once it is on its way to
// the session.
struct CellClosed {
  sandbox::CellId cell = 0;
};
// executor -> transfers: what a task needs before it starts.
struct FetchBlobs {
  model::LeaseRef lease;
  model::BlobRefs blobs;
};
struct BlobsFetched {
  model::LeaseRef lease;
  std::optional<Error> error;
  std::map<Sha256, model::Bytes> blobs;
};
// executor -> transfers: what its result refers to.
struct StoreBlobs {
  model::LeaseRef lease;
  std::map<model::BlobRef, model::Bytes> blobs;
};
struct BlobsStored {
  model::LeaseRef lease;
  std::map<Sha256, Error> refused;
};
// executor -> transfers: nobody waits for it any more. No lease: for nothing.
struct DropBlobs {
  std::optional<model::LeaseRef> lease;
};
// session -> transfers: the broker's BlobOk and BlobError.
struct BlobAnswers {
  std::vector<model::ToWorker> answers;
};
// transfers -> session: sent if the link serves, else dropped; transfers asks again.
struct BlobMessages {
  std::vector<model::FromWorker> messages;
};

// executor -> session, after the streamer's answer, so that a task's output goes out before its end
// does.
struct TaskFinished {
  model::LeaseRef lease;
  model::Verdict verdict = model::Verdict::none;
  model::Bytes result;
};

}  // namespace kiln::actors
