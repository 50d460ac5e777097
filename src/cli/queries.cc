// kiln status, result, cancel and workers: one question to the broker, its answer printed.
#include <unistd.h>

#include <algorithm>

#include "cli/access.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/json.h"
#include "cli/receipt.h"
#include "cli/task_input.h"
#include "net/client.h"

namespace kiln::cli {
namespace {

constexpr int64_t kMaxWaitMs = 60'000;  // of one request

// Connects and asks; `what` is the request without its id.
template <class Request>
Result<net::Ok> ask(const BrokerAccess& broker, Request request) {
  auto client = connect(broker);
  if (!client) return std::move(client).error();
  return (*client)->request(std::move(request));
}

template <class Request>
Result<net::TaskInfo> ask_about(const BrokerAccess& broker, const std::string& id) {
  const auto parsed = parse_task_id(id);
  if (!parsed) return parsed.error();
  auto answer = ask(broker, Request{0, *parsed});
  if (!answer) return std::move(answer).error();
  if (!answer->task) return Error{ErrorCode::malformed, "the answer has no task", "", "", ""};
  return *std::move(answer->task);
}

std::string describe(const net::TaskInfo& task) {
  std::string text = to_string(task.id) + " " + std::string(to_string(task.state));
  if (task.verdict != model::Verdict::none) text += " " + std::string(to_string(task.verdict));
  text += ", " + task.language + ", queue " + task.queue + ", priority " +
          std::to_string(task.priority);
  if (task.attempt > 0) text += ", attempt " + std::to_string(task.attempt);
  if (!task.worker.empty()) text += ", worker " + task.worker;
  text += ", submitted " + format_utc(task.submitted_at);
  if (task.finished_at) text += ", finished " + format_utc(*task.finished_at);
  if (task.place) text += ", " + std::to_string(*task.place) + " ahead of it";
  if (!task.waiting.empty()) text += ": " + task.waiting;
  return text;
}

int print_task(const Result<net::TaskInfo>& task, bool json) {
  if (!task) return fail(task.error());
  const Status printed = print_line(json ? task_json(*task) : describe(*task));
  return printed.ok() ? kExitOk : fail(printed.error());
}

// Asks again until the task ended or `wait_ms` is over: one request waits a minute at most.
Result<net::Ok> wait_for_result(net::Client& client, const TaskId& id, int64_t wait_ms) {
  const MonoTime deadline = real_now().mono + std::chrono::milliseconds(wait_ms);
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - real_now().mono);
    const int64_t piece = std::clamp<int64_t>(left.count(), 0, kMaxWaitMs);
    auto answer = client.request(net::ResultOf{0, id, static_cast<uint32_t>(piece)},
                                 net::kConnectTimeout + std::chrono::milliseconds(piece));
    if (!answer || piece == 0 || (answer->task && is_terminal(answer->task->state))) return answer;
  }
}

int print_output(const model::TaskResult& result, bool quiet) {
  write_bytes(STDOUT_FILENO, result.out.bytes, -1);
  write_bytes(STDERR_FILENO, result.err.bytes, -1);
  if (quiet) return exit_code_of(result);
  for (const std::string& note :
       {cut_note("standard output", result.out), cut_note("standard error", result.err)}) {
    if (!note.empty()) say(note);
  }
  say(receipt(result));
  return exit_code_of(result);
}

int no_result(const net::TaskInfo& task) {
  if (task.state == model::TaskState::cancelled) {
    say("cancelled");
    return kExitCancelled;
  }
  const bool over = is_terminal(task.state);
  say("the task is " + std::string(to_string(task.state)) +
      (over ? ""
            : ": no result yet. Wait for it: kiln result " + to_string(task.id) + " --wait 60"));
  return kExitFailure;
}

std::string describe(const net::WorkerInfo& worker) {
  std::string text = worker.name + (worker.up ? " up" : " down") + ", " +
                     std::to_string(worker.leases) + " of " + std::to_string(worker.slots) +
                     " slots taken";
  for (const model::LanguageVersion& language : worker.languages) {
    text += ", " + language.name + " " + language.version;
  }
  return text;
}

}  // namespace

int execute(const StatusOptions& options) {
  return print_task(ask_about<net::StatusOf>(options.broker, options.id), options.json);
}

int execute(const CancelOptions& options) {
  return print_task(ask_about<net::Cancel>(options.broker, options.id), options.json);
}

int execute(const ResultOptions& options) {
  const auto id = parse_task_id(options.id);
  if (!id) return fail(id.error());
  int64_t wait_ms = 0;
  if (options.wait) {
    const auto parsed = parse_seconds("--wait", *options.wait);
    if (!parsed) return fail(parsed.error());
    wait_ms = *parsed;
  }
  auto client = connect(options.broker);
  if (!client) return fail(client.error());
  const auto answer = wait_for_result(**client, *id, wait_ms);
  if (!answer) return fail(answer.error());
  const net::TaskInfo task = answer->task.value_or(net::TaskInfo{});
  if (options.json) {
    if (Status s = print_line(result_json(task, answer->result)); !s) return fail(s.error());
    if (answer->result) return exit_code_of(*answer->result);
    return task.state == model::TaskState::cancelled ? kExitCancelled : kExitFailure;
  }
  return answer->result ? print_output(*answer->result, options.quiet) : no_result(task);
}

int execute(const WorkersOptions& options) {
  const auto answer = ask(options.broker, net::Workers{});
  if (!answer) return fail(answer.error());
  const std::vector<net::WorkerInfo> workers =
      answer->workers.value_or(std::vector<net::WorkerInfo>{});
  if (options.json) {
    const Status printed = print_line(workers_json(workers));
    return printed.ok() ? kExitOk : fail(printed.error());
  }
  for (const net::WorkerInfo& worker : workers) {
    if (Status s = print_line(describe(worker)); !s) return fail(s.error());
  }
  return kExitOk;
}

}  // namespace kiln::cli
