// kiln dead-letters: what tasks died of, and what becomes of them. Many are requeued or purged in
// parts, no faster than asked, with what was done so far told as it goes.
#include <algorithm>
#include <thread>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/receipt.h"
#include "cli/task_input.h"

namespace kiln::cli {
namespace {

constexpr uint32_t kAtOnce = 100;  // of one request

std::vector<std::string> letters_table(const net::Ok& answer) {
  std::vector<Row> rows;
  for (const net::TaskInfo& task : answer.tasks.value_or(std::vector<net::TaskInfo>{})) {
    rows.push_back({to_string(task.id), std::string(to_string(task.verdict)), task.queue,
                    task.language, std::to_string(task.attempt), std::to_string(task.losses),
                    task.worker.empty() ? "-" : task.worker,
                    task.finished_at ? format_utc(*task.finished_at) : "-"});
  }
  return table({"ID", "VERDICT", "QUEUE", "LANGUAGE", "ATTEMPTS", "LOST", "WORKER", "DIED"},
               std::move(rows));
}

std::vector<std::string> letter_lines(const net::Ok& answer) {
  net::Ok one;
  one.tasks = {*answer.task};
  std::vector<std::string> lines = letters_table(one);
  if (answer.task->requeued_as) {
    lines.push_back("submitted anew as " + to_string(*answer.task->requeued_as));
  }
  for (std::string& line : history_lines(*answer.history)) lines.push_back(std::move(line));
  if (!answer.result) return lines;
  lines.push_back("last attempt: " + receipt(*answer.result));
  for (const auto* stream : {&answer.result->out, &answer.result->err}) {
    if (stream->bytes.empty()) continue;
    lines.push_back(stream == &answer.result->out ? "standard output:" : "standard error:");
    lines.push_back(stream->bytes);
  }
  return lines;
}

Result<net::DeadLetters> request_of(const DeadLettersOptions& options) {
  net::DeadLetters request;
  request.op = options.op;
  for (const std::string& text : options.ids) {
    const auto id = parse_task_id(text);
    if (!id) return id.error();
    request.ids.push_back(*id);
  }
  request.queue = options.queue;
  if (options.verdict) {
    request.verdict = model::parse_verdict(*options.verdict);
    if (!request.verdict) {
      return field_error("verdict", "there is no verdict '" + *options.verdict + "'",
                         "Such as wall_timeout or memory_limit");
    }
  }
  request.limit = options.limit.value_or(request.limit);
  request.dry_run = options.dry_run;
  return request;
}

// Requeues or purges part after part, until nothing is left or `limit` is reached.
class Bulk {
 public:
  Bulk(net::Client& client, net::DeadLetters request, const DeadLettersOptions& options)
      : client_(client), request_(std::move(request)), options_(options) {
    left_ = options.limit;
    sum_.count = 0;
    if (request_.op == net::DeadLetterOp::requeue) sum_.tasks.emplace();
  }

  Result<net::Ok> run() {
    for (;;) {
      const uint32_t most = options_.rate ? std::min(kAtOnce, *options_.rate) : kAtOnce;
      request_.limit = left_ ? std::min(most, *left_) : most;
      auto answer = client_.request(request_);
      if (!answer) return answer;
      const uint64_t done = add(*answer);
      if (done == 0 || !request_.ids.empty() || (left_ && *left_ == 0)) return sum_;
      say(std::to_string(*sum_.count) + " done");
      // The rate is for the broker's sake, so it counts from the answer.
      if (options_.rate) std::this_thread::sleep_for(std::chrono::seconds(done) / *options_.rate);
    }
  }

 private:
  uint64_t add(net::Ok& answer) {
    const uint64_t done = answer.tasks ? answer.tasks->size() : answer.count.value_or(0);
    sum_.count = *sum_.count + done;
    if (left_) *left_ -= static_cast<uint32_t>(std::min<uint64_t>(*left_, done));
    if (answer.tasks && sum_.tasks) {
      sum_.tasks->insert(sum_.tasks->end(), answer.tasks->begin(), answer.tasks->end());
    }
    return done;
  }

  net::Client& client_;
  net::DeadLetters request_;
  const DeadLettersOptions& options_;
  std::optional<uint32_t> left_;
  net::Ok sum_;
};

std::vector<std::string> bulk_lines(const net::Ok& answer) {
  if (!answer.tasks) return {std::to_string(*answer.count) + " dead letters deleted"};
  std::vector<std::string> lines;
  for (const net::TaskInfo& task : *answer.tasks) {
    if (task.origin) lines.push_back(to_string(*task.origin) + " -> " + to_string(task.id));
  }
  lines.push_back(std::to_string(*answer.count) + " dead letters submitted anew");
  return lines;
}

std::vector<std::string> dry_lines(const net::Ok& answer) {
  std::vector<std::string> lines = letters_table(answer);
  lines.push_back(std::to_string(answer.count.value_or(0)) +
                  (answer.more.value_or(false) ? " or more" : "") +
                  " dead letters; nothing was changed");
  return lines;
}

}  // namespace

int execute(const DeadLettersOptions& options) {
  const auto request = request_of(options);
  if (!request) return fail(request.error());
  if (options.op == net::DeadLetterOp::list) {
    return print_answer(ask(options.broker, *request), options.json, letters_table);
  }
  if (options.op == net::DeadLetterOp::show) {
    return print_answer(ask(options.broker, *request), options.json, letter_lines);
  }
  if (options.dry_run) return print_answer(ask(options.broker, *request), options.json, dry_lines);
  if (options.ids.empty() && !options.queue && !options.verdict && !options.all) {
    return fail(
        field_error("ids", "no dead letter is named", "Give ids, --queue, --verdict, or --all"));
  }
  auto client = connect(options.broker);
  if (!client) return fail(client.error());
  return print_answer(Bulk(**client, *request, options).run(), options.json, bulk_lines);
}

}  // namespace kiln::cli
