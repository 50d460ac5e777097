// kiln status, result, cancel, retry and list: questions to the broker about tasks.
#include <unistd.h>

#include <algorithm>

#include "cli/ask.h"
#include "cli/blobs.h"
#include "cli/commands.h"
#include "cli/out_directory.h"
#include "cli/receipt.h"
#include "cli/task_input.h"

namespace kiln::cli {
namespace {

constexpr int64_t kMaxWaitMs = 60'000;  // of one request

template <class Request>
Result<net::TaskInfo> ask_about(const BrokerAccess& broker, const std::string& id) {
  const auto parsed = parse_task_id(id);
  if (!parsed) return parsed.error();
  Request request;
  request.id = *parsed;
  auto answer = ask(broker, request);
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
  say_refused(result);
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

int show_history(const StatusOptions& options) {
  const auto id = parse_task_id(options.id);
  if (!id) return fail(id.error());
  const auto answer = ask(options.broker, net::StatusOf{0, *id, true});
  if (!answer) return fail(answer.error());
  const net::TaskInfo task = answer->task.value_or(net::TaskInfo{});
  const auto history = answer->history.value_or(std::vector<net::EventInfo>{});
  if (options.json) return print_lines({status_json(task, history)});
  std::vector<std::string> lines = history_lines(history);
  lines.insert(lines.begin(), describe(task));
  return print_lines(lines);
}

std::vector<std::string> tasks_table(const net::Ok& answer) {
  std::vector<Row> rows;
  for (const net::TaskInfo& task : answer.tasks.value_or(std::vector<net::TaskInfo>{})) {
    rows.push_back(
        {to_string(task.id), std::string(to_string(task.state)),
         task.verdict == model::Verdict::none ? "-" : std::string(to_string(task.verdict)),
         task.queue, task.language, std::to_string(task.attempt),
         task.worker.empty() ? "-" : task.worker, format_utc(task.submitted_at)});
  }
  return table({"ID", "STATE", "VERDICT", "QUEUE", "LANGUAGE", "ATTEMPT", "WORKER", "SUBMITTED"},
               std::move(rows));
}

// Page after page, until there are `limit`.
Result<net::Ok> list_tasks(net::Client& client, net::List request, uint32_t limit) {
  net::Ok all;
  all.tasks.emplace();
  while (all.tasks->size() < limit) {
    request.limit =
        static_cast<uint32_t>(std::min<size_t>(net::kMaxListLimit, limit - all.tasks->size()));
    auto answer = client.request(request);
    if (!answer) return answer;
    const auto page = answer->tasks.value_or(std::vector<net::TaskInfo>{});
    all.tasks->insert(all.tasks->end(), page.begin(), page.end());
    if (page.size() < request.limit) break;
    request.before_seq = page.back().seq;
  }
  return all;
}

}  // namespace

int execute(const StatusOptions& options) {
  if (options.history) return show_history(options);
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
  std::optional<OutDirectory> directory;
  if (!options.out.empty()) {
    auto opened = OutDirectory::open(options.out);
    if (!opened) return fail(opened.error());
    directory.emplace(std::move(*opened));
  }
  auto client = connect(options.broker);
  if (!client) return fail(client.error());
  auto answer = wait_for_result(**client, *id, wait_ms);
  if (!answer) return fail(answer.error());
  const net::TaskInfo task = answer->task.value_or(net::TaskInfo{});
  if (answer->result) {
    if (Status s = fetch_output(**client, task.tenant, *answer->result); !s) return fail(s.error());
  }
  if (directory && answer->result) {
    const auto put = [&](const FilePiece& piece) { return directory->put(piece); };
    Status s = write_artifacts(**client, task.tenant, *answer->result, put);
    if (!s) return fail(s.error());
  }
  if (options.json) {
    if (Status s = print_line(result_json(task, answer->result)); !s) return fail(s.error());
    return exit_code_of(task, answer->result);
  }
  const bool cancelled = task.state == model::TaskState::cancelled;
  if (!answer->result || cancelled) return no_result(task);
  return print_output(*answer->result, options.quiet);
}

// Submitted anew, it has another id: that is what the caller goes on with.
int execute(const RetryOptions& options) {
  const auto task = ask_about<net::Retry>(options.broker, options.id);
  if (!task) return fail(task.error());
  if (options.json) return print_lines({task_json(*task)});
  if (task->origin) return print_lines({to_string(task->id)});
  return print_lines({to_string(task->id) + " is due now"});
}

int execute(const ListOptions& options) {
  net::List request;
  request.queue = options.queue;
  if (options.state) {
    request.state = model::parse_task_state(*options.state);
    if (!request.state) {
      return fail(field_error("state", "there is no state '" + *options.state + "'",
                              "Such as queued, running, succeeded, failed or dead"));
    }
  }
  auto client = connect(options.broker);
  if (!client) return fail(client.error());
  return print_answer(list_tasks(**client, std::move(request), options.limit), options.json,
                      tasks_table);
}

}  // namespace kiln::cli
