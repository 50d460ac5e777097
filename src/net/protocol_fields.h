// The tag and the field list of each message, and of each struct that stands inside one. The codec,
// its tests and the check of docs/protocol.md all walk these lists; nothing else names a field.
//
// Rules: a field that is absent (or nil) keeps the struct's default unless it is `required`;
// unknown fields are ignored (newer peers); a present field of the wrong type or out of range is an
// error that names it. An optional that is empty is not sent.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <tuple>

#include "net/protocol.h"

namespace kiln::net {

// How a string travels. Text must be UTF-8. Data takes str and bin and is sent as bin. Either takes
// both, and is sent as str where it is UTF-8.
enum class Text : uint8_t { utf8, data, either };

struct Rule {
  Text text = Text::utf8;
  int64_t min = std::numeric_limits<int64_t>::min();  // of an integer; its type bounds it as well
  uint64_t max = std::numeric_limits<uint64_t>::max();
};

template <class M, class T>
struct Field {
  std::string_view name;
  T M::*member;
  bool required;
  Rule rule;
};

// The fields of a member struct, as if they were the outer one's own.
template <class M, class T>
struct Flat {
  T M::*member;
};

template <class M, class T>
constexpr Field<M, T> field(std::string_view name, T M::*member, Rule rule = {}) {
  return {name, member, false, rule};
}
template <class M, class T>
constexpr Field<M, T> required(std::string_view name, T M::*member, Rule rule = {}) {
  return {name, member, true, rule};
}
template <class M, class T>
constexpr Flat<M, T> flat(T M::*member) {
  return {member};
}
constexpr Rule range(int64_t min, uint64_t max) { return {Text::utf8, min, max}; }
inline constexpr Rule kData{Text::data};
inline constexpr Rule kEither{Text::either};

// Message<M>::tag is "" for structs that only stand inside others.
template <class M>
struct Message;

#define KILN_MESSAGE(type, name, ...)                            \
  template <>                                                    \
  struct Message<type> {                                         \
    static constexpr std::string_view tag = name;                \
    using M = type;                                              \
    static constexpr auto fields = std::make_tuple(__VA_ARGS__); \
  }

// --- parts
// ----------------------------------------------------------------------------------------

KILN_MESSAGE(model::BlobRef, "", required("sha256", &M::sha256),
             required("size", &M::size, range(1, model::kMaxBlobBytes)));
KILN_MESSAGE(model::BlobState, "", flat(&M::blob), field("received", &M::received),
             field("complete", &M::complete));
KILN_MESSAGE(model::Program, "", required("language", &M::language),
             required("code", &M::code, kEither), field("args", &M::args, kEither),
             field("stdin", &M::stdin_bytes, kData), field("env", &M::env, kEither),
             field("files", &M::files, kData), field("limits", &M::limits));
KILN_MESSAGE(model::TaskSpec, "", field("id", &M::id), field("queue", &M::queue),
             field("priority", &M::priority), flat(&M::program), field("wait", &M::wait),
             field("cache", &M::cache), field("max_retries", &M::max_retries),
             field("retry_on", &M::retry_on), field("retry_delay_ms", &M::retry_delay_ms),
             field("full_jitter", &M::full_jitter), field("eta", &M::eta),
             field("countdown_ms", &M::countdown_ms), field("expires", &M::expires),
             field("expires_in_ms", &M::expires_in_ms));
KILN_MESSAGE(model::StreamOutput, "", field("bytes", &M::bytes, kData),
             field("dropped_bytes", &M::dropped_bytes), field("truncated", &M::truncated),
             field("blob", &M::blob));
KILN_MESSAGE(model::Cost, "", field("setup_us", &M::setup_us), field("wall_us", &M::wall_us),
             field("cpu_us", &M::cpu_us), field("memory_charged_bytes", &M::memory_charged_bytes),
             field("memory_rss_bytes", &M::memory_rss_bytes),
             field("peak_processes", &M::peak_processes), field("compile_us", &M::compile_us),
             field("throttled_us", &M::throttled_us));
KILN_MESSAGE(model::Artifact, "", required("path", &M::path), field("size", &M::size),
             field("bytes", &M::bytes, kData), field("blob", &M::blob));
KILN_MESSAGE(model::TaskResult, "", required("verdict", &M::verdict),
             field("exit_code", &M::exit_code), field("signal", &M::signal), field("out", &M::out),
             field("err", &M::err), field("limits_hit", &M::limits_hit), field("cost", &M::cost),
             field("weak_isolation", &M::weak_isolation), field("message", &M::message),
             field("artifacts", &M::artifacts), field("artifacts_refused", &M::artifacts_refused));
KILN_MESSAGE(model::LanguageVersion, "", required("name", &M::name), field("version", &M::version));
KILN_MESSAGE(model::LeaseRef, "", required("id", &M::id), required("epoch", &M::epoch));
KILN_MESSAGE(Error, "", required("code", &M::code), field("message", &M::message),
             field("field", &M::field), field("cause", &M::cause), field("hint", &M::hint));
KILN_MESSAGE(TaskInfo, "", required("id", &M::id), field("queue", &M::queue),
             field("priority", &M::priority), field("language", &M::language),
             required("state", &M::state), field("verdict", &M::verdict),
             field("attempt", &M::attempt), field("retry_count", &M::retry_count),
             field("code_hash", &M::code_hash), field("worker", &M::worker),
             field("submitted_at", &M::submitted_at), field("due_at", &M::due_at),
             field("started_at", &M::started_at), field("finished_at", &M::finished_at),
             field("waiting", &M::waiting), field("place", &M::place), field("seq", &M::seq),
             field("origin", &M::origin), field("requeued_as", &M::requeued_as),
             field("leader", &M::leader), field("result_of", &M::result_of),
             field("losses", &M::losses), field("tenant", &M::tenant),
             field("expires_at", &M::expires_at));
KILN_MESSAGE(EventInfo, "", required("at", &M::at), required("state", &M::state),
             field("attempt", &M::attempt), field("verdict", &M::verdict),
             field("worker", &M::worker), field("note", &M::note));
KILN_MESSAGE(QueueInfo, "", required("queue", &M::queue), field("depth", &M::depth),
             field("oldest", &M::oldest), field("dead_letters", &M::dead_letters),
             field("paused", &M::paused), field("max_retries", &M::max_retries),
             field("retry_on", &M::retry_on), field("retry_delay_ms", &M::retry_delay_ms),
             field("full_jitter", &M::full_jitter));
KILN_MESSAGE(WorkerInfo, "", required("instance", &M::instance), field("name", &M::name),
             field("slots", &M::slots), field("credit", &M::credit), field("leases", &M::leases),
             field("languages", &M::languages), field("queues", &M::queues),
             field("tags", &M::tags), field("up", &M::up), field("heard_ms_ago", &M::heard_ms_ago),
             field("draining", &M::draining));

// --- client -> broker
// -----------------------------------------------------------------------------

KILN_MESSAGE(Submit, "submit", field("rid", &M::rid), required("task", &M::task),
             field("watch", &M::watch));
KILN_MESSAGE(SubmitBatch, "submit_batch", field("rid", &M::rid), required("tasks", &M::tasks));
KILN_MESSAGE(StatusOf, "status", field("rid", &M::rid), required("id", &M::id),
             field("history", &M::history));
KILN_MESSAGE(ResultOf, "result", field("rid", &M::rid), required("id", &M::id),
             field("wait_ms", &M::wait_ms, range(0, kMaxWaitMs)), field("history", &M::history));
KILN_MESSAGE(Cancel, "cancel", field("rid", &M::rid), required("id", &M::id));
KILN_MESSAGE(Subscribe, "subscribe", field("rid", &M::rid), required("id", &M::id),
             field("offset", &M::offset));
KILN_MESSAGE(Unsubscribe, "unsubscribe", field("rid", &M::rid), required("id", &M::id));
KILN_MESSAGE(List, "list", field("rid", &M::rid), field("queue", &M::queue),
             field("state", &M::state), field("before_seq", &M::before_seq),
             field("limit", &M::limit, range(1, kMaxListLimit)));
KILN_MESSAGE(Queues, "queues", field("rid", &M::rid));
KILN_MESSAGE(Workers, "workers", field("rid", &M::rid));
KILN_MESSAGE(Ping, "ping", field("rid", &M::rid));
KILN_MESSAGE(Retry, "retry", field("rid", &M::rid), required("id", &M::id));
KILN_MESSAGE(DeadLetters, "dead_letters", field("rid", &M::rid), required("op", &M::op),
             field("ids", &M::ids), field("queue", &M::queue), field("verdict", &M::verdict),
             field("before_seq", &M::before_seq),
             field("limit", &M::limit, range(1, kMaxListLimit)), field("dry_run", &M::dry_run));
KILN_MESSAGE(Admin, "admin", field("rid", &M::rid), required("op", &M::op),
             field("queue", &M::queue), field("worker", &M::worker),
             field("max_retries", &M::max_retries, range(0, model::kMaxRetries)),
             field("retry_on", &M::retry_on),
             field("retry_delay_ms", &M::retry_delay_ms, range(1, model::kMaxRetryDelayMs)),
             field("full_jitter", &M::full_jitter));
KILN_MESSAGE(PutBlob, "put_blob", field("rid", &M::rid), flat(&M::blob),
             field("offset", &M::offset), field("data", &M::data, kData));
KILN_MESSAGE(GetBlob, "get_blob", field("rid", &M::rid), required("sha256", &M::sha256),
             field("offset", &M::offset), field("tenant", &M::tenant));

// --- broker -> client
// -----------------------------------------------------------------------------

KILN_MESSAGE(Ok, "ok", field("rid", &M::rid), field("task", &M::task), field("result", &M::result),
             field("tasks", &M::tasks), field("queues", &M::queues), field("workers", &M::workers),
             field("server", &M::server), field("count", &M::count), field("more", &M::more),
             field("history", &M::history), field("blob", &M::blob),
             field("data", &M::data, kData));
KILN_MESSAGE(ErrorReply, "error", field("rid", &M::rid), flat(&M::error));
KILN_MESSAGE(Event, "event", required("id", &M::id), required("kind", &M::kind),
             field("attempt", &M::attempt), field("offset", &M::offset),
             field("stream", &M::stream, range(0, 2)), field("data", &M::data, kData),
             field("task", &M::task));

// --- worker -> broker
// -----------------------------------------------------------------------------

KILN_MESSAGE(model::Hello, "hello", required("instance", &M::instance), required("name", &M::name),
             required("slots", &M::slots), required("credit", &M::credit),
             field("languages", &M::languages), field("tags", &M::tags),
             field("queues", &M::queues), field("leases", &M::leases),
             field("results", &M::results), field("weak_isolation", &M::weak_isolation));
KILN_MESSAGE(model::Credit, "credit", required("credit", &M::credit));
KILN_MESSAGE(model::Refused, "refused", required("lease", &M::lease), field("reason", &M::reason));
KILN_MESSAGE(model::Returned, "returned", required("lease", &M::lease));
KILN_MESSAGE(model::Started, "started", required("lease", &M::lease));
KILN_MESSAGE(model::Output, "output", required("lease", &M::lease), required("offset", &M::offset),
             required("stream", &M::stream, range(1, 2)), required("data", &M::data, kData));
KILN_MESSAGE(model::Finished, "finished", required("lease", &M::lease),
             required("verdict", &M::verdict), required("result", &M::result, kData));
KILN_MESSAGE(model::Pong, "ok", required("token", &M::token));
KILN_MESSAGE(model::FetchBlob, "get_blob", required("rid", &M::rid), required("lease", &M::lease),
             required("sha256", &M::sha256), field("offset", &M::offset));
KILN_MESSAGE(model::StoreBlob, "put_blob", required("rid", &M::rid), required("lease", &M::lease),
             flat(&M::blob), field("offset", &M::offset), field("data", &M::data, kData));

// --- broker -> worker
// -----------------------------------------------------------------------------

KILN_MESSAGE(model::Welcome, "welcome", required("boot", &M::boot),
             required("heartbeat_ms", &M::heartbeat_ms), required("window_ms", &M::window_ms));
KILN_MESSAGE(model::Assign, "assign", required("lease", &M::lease),
             required("attempt", &M::attempt), required("queue", &M::queue),
             required("language", &M::language), field("watch", &M::watch),
             required("program", &M::program, kData));
KILN_MESSAGE(model::CancelLease, "cancel", required("lease", &M::lease));
KILN_MESSAGE(model::WatchLease, "subscribe", required("lease", &M::lease));
KILN_MESSAGE(model::UnwatchLease, "unsubscribe", required("lease", &M::lease));
KILN_MESSAGE(model::Ping, "ping", required("token", &M::token));
KILN_MESSAGE(model::Recall, "recall", required("lease", &M::lease));
KILN_MESSAGE(model::FinishedOk, "finished_ok", required("lease", &M::lease));
KILN_MESSAGE(model::Fenced, "fenced", required("lease", &M::lease));
KILN_MESSAGE(model::BlobOk, "ok", required("rid", &M::rid), required("blob", &M::state),
             field("data", &M::data, kData));
KILN_MESSAGE(model::BlobError, "error", required("rid", &M::rid), flat(&M::error));

#undef KILN_MESSAGE

// Messages that are their tag alone.
#define KILN_BARE_MESSAGE(type, name)             \
  template <>                                     \
  struct Message<type> {                          \
    static constexpr std::string_view tag = name; \
    static constexpr std::tuple<> fields{};       \
  }
KILN_BARE_MESSAGE(model::Heartbeat, "heartbeat");
KILN_BARE_MESSAGE(model::Goodbye, "goodbye");
KILN_BARE_MESSAGE(model::Drain, "drain");
KILN_BARE_MESSAGE(model::HelloFirst, "hello_first");
KILN_BARE_MESSAGE(model::HeartbeatOk, "heartbeat_ok");
#undef KILN_BARE_MESSAGE

}  // namespace kiln::net
