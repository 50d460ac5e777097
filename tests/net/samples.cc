#include "tests/net/samples.h"

#include <memory>
#include <utility>

#include "net/codec.h"
#include "net/protocol_fields.h"

namespace kiln::net {
namespace {

TaskId task_id(uint8_t last) {
  TaskId id;
  id.bytes = {0x01, 0x93, 0x5b, 0x00, 0x11, 0x22, 0x70, 0x33, 0x80, 0x44, 1, 2, 3, 4, 5, last};
  return id;
}
InstanceId instance_id() { return InstanceId{task_id(0xEE).bytes}; }
model::LeaseRef lease() { return {task_id(7), {3, 0x1'0000'0001}}; }
model::Bytes bytes(std::string value) {
  return std::make_shared<const std::string>(std::move(value));
}

model::BlobRef blob() { return {sha256("a blob"), (size_t{3} << 20U) + 1}; }
model::BlobState blob_state() { return {blob(), size_t{1} << 20U, false}; }

model::Program program() {
  model::Program out;
  out.language = "python";
  out.code = "print('h\xC3\xA9llo')\n";
  out.args = {"-x", "two words", std::string("\xFF raw", 5)};
  out.stdin_bytes = std::string("in\0put", 6);
  out.env = {{"B", "2"}, {"A", "1"}};
  out.files = {
      {"data/a.bin", std::string("\0\x01\xFF", 3)}, {"b.txt", "text"}, {"big", "", blob()}};
  static_cast<void>(out.limits.set("wall_ms", 2'000));
  static_cast<void>(out.limits.set("memory_bytes", 256 * model::kMB));
  return out;
}

model::TaskSpec spec() {
  model::TaskSpec out;
  out.id = task_id(1);
  out.queue = "batch";
  out.priority = 9;
  out.program = program();
  out.wait = true;
  out.cache = false;
  out.max_retries = 1;
  out.retry_on = {{model::RetryReason::timeout, model::RetryReason::nonzero_exit}};
  out.retry_delay_ms = 2'500;
  out.full_jitter = true;
  out.eta = wall_from_micros(1'700'000'000'000'000);
  out.countdown_ms = 30'000;
  out.expires = wall_from_micros(1'700'000'100'000'000);
  out.expires_in_ms = 90'000;
  return out;
}

model::TaskResult task_result() {
  model::TaskResult out;
  out.verdict = model::Verdict::signaled;
  out.exit_code = 3;
  out.signal = 9;
  out.out = {"out\n", 12, true};
  out.err = {std::string("\xFE", 1), 0, false, blob()};
  out.limits_hit = {model::LimitHit::memory, model::LimitHit::wall};
  out.cost = {830, 1'200'000, 900'000, 250'000, 11'534'336, 12'000'000, 4, 310'000};
  out.weak_isolation = true;
  out.message = "killed";
  out.artifacts = {{"plots/h\xC3\xA9llo.png", 3, std::string("\0\xFF.", 3)},
                   {"big", blob().size, "", blob()}};
  out.artifacts_refused = {"pipe: it is a FIFO"};
  return out;
}

TaskInfo info() {
  TaskInfo out;
  out.id = task_id(1);
  out.queue = "default";
  out.priority = 5;
  out.language = "python";
  out.state = model::TaskState::retrying;
  out.verdict = model::Verdict::wall_timeout;
  out.attempt = 2;
  out.retry_count = 1;
  out.code_hash = "00ff";
  out.worker = "w1";
  out.submitted_at = wall_from_micros(1'700'000'000'000'001);
  out.due_at = wall_from_micros(1'700'000'005'000'000);
  out.started_at = wall_from_micros(1'700'000'000'500'000);
  out.finished_at = wall_from_micros(1'700'000'002'000'000);
  out.waiting = "for its next attempt";
  out.place = 17;
  out.seq = 4'711;
  out.origin = task_id(2);
  out.requeued_as = task_id(3);
  out.leader = task_id(4);
  out.result_of = task_id(5);
  out.losses = 2;
  out.tenant = "red";
  out.expires_at = wall_from_micros(1'700'000'100'000'000);
  return out;
}

EventInfo event_info() {
  return {wall_from_micros(1'700'000'002'000'000),
          model::TaskState::retrying,
          2,
          model::Verdict::wall_timeout,
          "w1",
          "retry: timeout, in 5.2 s"};
}

QueueInfo queue_info() {
  return {"batch",
          {{"queued", 2}, {"running", 1}},
          wall_from_micros(1'700'000'000'000'000),
          3,
          true,
          5,
          {{model::RetryReason::memory, model::RetryReason::signaled}},
          2'000,
          true};
}
WorkerInfo worker_info() {
  return {instance_id(), "w1",    4,     5,     2,   {{"python", "3.11.2"}},
          {"batch"},     {"gpu"}, false, 1'234, true};
}

std::vector<FromClient> from_client() {
  return {Submit{1, spec(), true},
          SubmitBatch{2, {spec(), spec()}},
          StatusOf{3, task_id(1), true},
          ResultOf{4, task_id(1), 30'000, true},
          Cancel{5, task_id(1)},
          Subscribe{6, task_id(1), 65'536},
          Unsubscribe{7, task_id(1)},
          List{8, "batch", model::TaskState::failed, 4'711, 50},
          Queues{9},
          Workers{10},
          Ping{uint64_t{1} << 63U},
          Retry{11, task_id(1)},
          DeadLetters{12,
                      DeadLetterOp::requeue,
                      {task_id(1)},
                      "batch",
                      model::Verdict::wall_timeout,
                      4'711,
                      50,
                      true},
          Admin{13,
                AdminOp::set_queue,
                "batch",
                "w1",
                5,
                {{model::RetryReason::memory, model::RetryReason::signaled}},
                2'000,
                true},
          PutBlob{14, blob(), size_t{1} << 20U, std::string("chunk\0", 6)},
          GetBlob{15, blob().sha256, size_t{2} << 20U, "red"}};
}

std::vector<ToClient> to_client() {
  Ok ok{1, info(), task_result(), {}, {}, {}, "kiln 0.1.0", 17, true, {}, {}, {}};
  ok.history = {event_info()};
  ok.tasks = {info()};
  ok.queues = {queue_info()};
  ok.workers = {worker_info()};
  ok.blob = blob_state();
  ok.data = std::string("\0chunk", 6);
  const Error error{ErrorCode::invalid_argument, "task.limits.wall_ms is 0", "task.limits.wall_ms",
                    "the cause", "Give at least 1"};
  return {ok, ErrorReply{2, error},
          Event{task_id(1), "output", 2, 4'096, 2, std::string("\0\xFF", 2), info()}};
}

std::vector<model::FromWorker> from_worker() {
  model::Hello hello{instance_id(), "w1",      4,         5,         {{"python", "3.11.2"}},
                     {"gpu"},       {"batch"}, {lease()}, {lease()}, true};
  return {hello,
          model::Heartbeat{},
          model::Credit{6},
          model::Refused{lease(), "draining"},
          model::Returned{lease()},
          model::Started{lease()},
          model::Output{lease(), 4'096, 2, std::string("a\0b", 3)},
          model::Finished{lease(), model::Verdict::signaled, bytes(encode_result(task_result()))},
          model::Goodbye{},
          model::Pong{77},
          model::FetchBlob{78, lease(), blob().sha256, size_t{1} << 20U},
          model::StoreBlob{79, lease(), blob(), size_t{1} << 20U, std::string("c\0", 2)}};
}

std::vector<model::ToWorker> to_worker() {
  return {model::Welcome{3, 1'000, 3'000},
          model::Assign{lease(), 2, "batch", "python", true, bytes(encode_program(program()))},
          model::CancelLease{lease()},
          model::WatchLease{lease()},
          model::UnwatchLease{lease()},
          model::Recall{lease()},
          model::Drain{},
          model::FinishedOk{lease()},
          model::Fenced{lease()},
          model::HelloFirst{},
          model::HeartbeatOk{},
          model::Ping{77},
          model::BlobOk{78, blob_state(), std::string("\0c", 2)},
          model::BlobError{79, {ErrorCode::not_found, "there is no blob", "sha256", "c", "h"}}};
}

template <class Variant>
void add(std::vector<Sample>& out, const std::string& target, const std::vector<Variant>& all) {
  for (const Variant& message : all) {
    const std::string_view tag =
        std::visit([](const auto& m) { return Message<std::decay_t<decltype(m)>>::tag; }, message);
    out.push_back({target, std::string(tag), encode(message), message.index()});
  }
}

template <class T>
Result<std::string> again(Result<T> decoded, std::string (*encoder)(const T&)) {
  if (!decoded.ok()) return std::move(decoded).error();
  return encoder(*decoded);
}

}  // namespace

std::vector<Sample> samples() {
  std::vector<Sample> out;
  add(out, "from_client", from_client());
  add(out, "to_client", to_client());
  add(out, "from_worker", from_worker());
  add(out, "to_worker", to_worker());
  out.push_back({"program", "program", encode_program(program()), 0});
  out.push_back({"result", "result", encode_result(task_result()), 0});
  return out;
}

Result<std::string> recode(std::string_view target, std::string_view bytes) {
  if (target == "from_client") return again<FromClient>(decode_from_client(bytes), encode);
  if (target == "to_client") return again<ToClient>(decode_to_client(bytes), encode);
  if (target == "from_worker") return again<model::FromWorker>(decode_from_worker(bytes), encode);
  if (target == "to_worker") return again<model::ToWorker>(decode_to_worker(bytes), encode);
  if (target == "program") return again<model::Program>(decode_program(bytes), encode_program);
  if (target == "result") return again<model::TaskResult>(decode_result(bytes), encode_result);
  return Error{ErrorCode::internal, "there is no target " + std::string(target), "", "", ""};
}

}  // namespace kiln::net
