// What a broker and a worker say to each other, as data. The core makes and takes these;
// net/protocol.h gives each its tag and its field names on the wire.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "model/blob.h"
#include "model/records.h"
#include "model/result.h"
#include "model/states.h"

namespace kiln::model {

// A lease is the right of one worker instance to run one task: the task and the fencing epoch.
struct LeaseRef {
  TaskId id;
  Epoch epoch;
  auto operator<=>(const LeaseRef&) const = default;
};

struct LanguageVersion {
  std::string name;     // "python"
  std::string version;  // "3.11.2"
  bool operator==(const LanguageVersion&) const = default;
};

// --- worker -> broker
// -----------------------------------------------------------------------------

// First on every connection, and again whenever the broker says `hello_first`.
struct Hello {
  InstanceId instance;  // one life of the worker process
  std::string name;     // for people and metrics
  uint32_t slots = 0;   // tasks it runs at once
  uint32_t credit = 0;  // the most leases it will hold at once: slots plus prefetch; 0: draining
  std::vector<LanguageVersion> languages;
  std::vector<std::string> tags;
  std::vector<std::string> queues;  // serves only these; empty: all
  std::vector<LeaseRef> leases;     // held: running or waiting to start
  std::vector<LeaseRef> results;    // finished, not yet acknowledged; `finished` follows for each
  bool weak_isolation = false;
  bool operator==(const Hello&) const = default;
};
inline constexpr uint32_t kMaxSlots = 1'024;
inline constexpr size_t kMaxHelloNames = 64;  // languages, tags, queues: each
inline constexpr size_t kMaxVersionLength = 64;
// Errors name the field.
Status validate(const Hello& hello);

struct Heartbeat {
  bool operator==(const Heartbeat&) const = default;
};
// The most leases the worker will hold at once from now on. Absolute, so a lost message heals.
struct Credit {
  uint32_t credit = 0;
  bool operator==(const Credit&) const = default;
};
// The worker will not run it (wrong language, draining, no credit). Counts no attempt.
struct Refused {
  LeaseRef lease;
  std::string reason;
  bool operator==(const Refused&) const = default;
};
// Given back unstarted after `recall` or while draining. Counts no attempt.
struct Returned {
  LeaseRef lease;
  bool operator==(const Returned&) const = default;
};
struct Started {
  LeaseRef lease;
  bool operator==(const Started&) const = default;
};
// Live output, only while the broker watches. `offset` counts the bytes of both streams together in
// the order they were read, from 0 at the attempt's start.
struct Output {
  LeaseRef lease;
  uint64_t offset = 0;
  uint8_t stream = 1;  // 1 = stdout, 2 = stderr
  std::string data;
  bool operator==(const Output&) const = default;
};
// Kept and sent again on every reconnect until `finished_ok` or `fenced`.
struct Finished {
  LeaseRef lease;
  Verdict verdict = Verdict::none;
  Bytes result;  // an encoded TaskResult (net/codec.h)
  // Not sent: the receiver takes them out of the result.
  Cost cost = {};
  BlobRefs blobs = {};
};
// The answer to `ping`, with its token.
struct Pong {
  uint64_t token = 0;
  bool operator==(const Pong&) const = default;
};
// The worker leaves; it holds nothing any more, or gives up what it holds.
struct Goodbye {
  bool operator==(const Goodbye&) const = default;
};

// A chunk of a blob that the task under this lease refers to, or is about to. Answered by `ok`,
// `error` or `fenced`; may be sent again.
struct FetchBlob {
  uint64_t rid = 0;
  LeaseRef lease;
  Sha256 sha256{};
  uint64_t offset = 0;  // a multiple of kBlobChunkBytes
  bool operator==(const FetchBlob&) const = default;
};
// The chunk at `offset`; without data it only asks how much is there.
struct StoreBlob {
  uint64_t rid = 0;
  LeaseRef lease;
  BlobRef blob;
  uint64_t offset = 0;
  std::string data;
  bool operator==(const StoreBlob&) const = default;
};

using FromWorker = std::variant<Hello, Heartbeat, Credit, Refused, Returned, Started, Output,
                                Finished, Goodbye, Pong, FetchBlob, StoreBlob>;

// --- broker -> worker
// -----------------------------------------------------------------------------

struct Welcome {
  uint64_t boot = 0;          // the broker's boot number
  uint32_t heartbeat_ms = 0;  // send a heartbeat this often
  uint32_t window_ms = 0;     // silence after which either side takes the other for gone
  bool operator==(const Welcome&) const = default;
};
struct Assign {
  LeaseRef lease;
  uint32_t attempt = 1;
  std::string queue;
  std::string language;
  bool watch = false;  // send output as it comes, from the start
  Bytes program;  // an encoded Program (net/codec.h); null in the core, filled in by the sender
  Sha256 body_hash{};  // not sent: which submission's program the sender is to fill in
};
// Kill it; the broker has committed its end already.
struct CancelLease {
  LeaseRef lease;
  bool operator==(const CancelLease&) const = default;
};
// Send the task's output from now on (from offset 0, what was kept so far first), or stop sending
// it.
struct WatchLease {
  LeaseRef lease;
  bool operator==(const WatchLease&) const = default;
};
struct UnwatchLease {
  LeaseRef lease;
  bool operator==(const UnwatchLease&) const = default;
};
// Give it back (`returned`) unless it has started.
struct Recall {
  LeaseRef lease;
  bool operator==(const Recall&) const = default;
};
// Finish what runs, give back the rest, say goodbye.
struct Drain {
  bool operator==(const Drain&) const = default;
};
// The result is committed: forget it.
struct FinishedOk {
  LeaseRef lease;
  bool operator==(const FinishedOk&) const = default;
};
// The lease is not (or no longer) this worker's: kill what runs under it, forget its result.
struct Fenced {
  LeaseRef lease;
  bool operator==(const Fenced&) const = default;
};
// The broker does not know this instance (it restarted, or took it for gone): say hello again.
struct HelloFirst {
  bool operator==(const HelloFirst&) const = default;
};
// The broker's sign of life, in answer to a heartbeat.
struct HeartbeatOk {
  bool operator==(const HeartbeatOk&) const = default;
};
// A person asks whether the worker answers.
struct Ping {
  uint64_t token = 0;
  bool operator==(const Ping&) const = default;
};

// To FetchBlob, with the chunk, and to StoreBlob.
struct BlobOk {
  uint64_t rid = 0;
  BlobState state;
  std::string data;
  bool operator==(const BlobOk&) const = default;
};
struct BlobError {
  uint64_t rid = 0;
  Error error;
  bool operator==(const BlobError&) const = default;
};

using ToWorker = std::variant<Welcome, Assign, CancelLease, WatchLease, UnwatchLease, Recall, Drain,
                              FinishedOk, Fenced, HelloFirst, HeartbeatOk, Ping, BlobOk, BlobError>;

}  // namespace kiln::model
