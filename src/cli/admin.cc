// kiln queues and kiln workers: what there is, and what an administrator does to it.
#include <algorithm>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/task_input.h"

namespace kiln::cli {
namespace {

// --- queues

std::string count_of(const net::QueueInfo& queue, const char* state) {
  const auto found = queue.depth.find(state);
  return std::to_string(found == queue.depth.end() ? 0 : found->second);
}

std::vector<std::string> queues_table(const net::Ok& answer) {
  std::vector<Row> rows;
  for (const net::QueueInfo& queue : answer.queues.value_or(std::vector<net::QueueInfo>{})) {
    rows.push_back({queue.queue, count_of(queue, "queued"), count_of(queue, "running"),
                    count_of(queue, "scheduled"), count_of(queue, "retrying"),
                    count_of(queue, "joined"), std::to_string(queue.dead_letters),
                    queue.oldest ? format_utc(*queue.oldest) : "-", queue.paused ? "paused" : ""});
  }
  return table({"QUEUE", "QUEUED", "RUNNING", "SCHEDULED", "RETRYING", "JOINED", "DEAD",
                "OLDEST QUEUED", ""},
               std::move(rows));
}

Result<net::Admin> request_of(const QueuesOptions& options) {
  net::Admin request;
  request.op = options.op;
  request.queue = options.queue;
  if (options.max_retries) request.max_retries = *options.max_retries;
  if (!options.retry_on.empty()) {
    auto reasons = parse_retry_reasons(options.retry_on);
    if (!reasons) return std::move(reasons).error();
    request.retry_on = std::move(reasons).value();
  }
  if (options.retry_delay) {
    const auto ms = parse_seconds("--retry-delay", *options.retry_delay);
    if (!ms) return ms.error();
    request.retry_delay_ms =
        static_cast<uint32_t>(std::min<int64_t>(*ms, std::numeric_limits<uint32_t>::max()));
  }
  request.full_jitter = options.full_jitter;
  return request;
}

// In parts: the broker cancels a bounded number at once.
int purge_queue(const QueuesOptions& options, const net::Admin& request) {
  net::Ok all;
  all.count = 0;
  do {
    const auto answer = ask(options.broker, request);
    if (!answer) return fail(answer.error());
    all.count = *all.count + answer->count.value_or(0);
    all.more = answer->more;
  } while (all.more.value_or(false));
  return print_answer(all, options.json, [](const net::Ok& sum) {
    return std::vector{std::to_string(*sum.count) + " tasks cancelled"};
  });
}

// --- workers

std::string state_of(const net::WorkerInfo& worker) {
  if (!worker.up) return "down";
  return worker.draining ? "draining" : "up";
}

std::vector<std::string> workers_table(const net::Ok& answer) {
  std::vector<Row> rows;
  for (const net::WorkerInfo& worker : answer.workers.value_or(std::vector<net::WorkerInfo>{})) {
    std::string languages;
    for (const model::LanguageVersion& language : worker.languages) {
      languages += (languages.empty() ? "" : ", ") + language.name + " " + language.version;
    }
    rows.push_back({worker.name, state_of(worker),
                    std::to_string(worker.leases) + "/" + std::to_string(worker.slots),
                    std::to_string(worker.heard_ms_ago) + " ms ago", languages,
                    to_string(worker.instance)});
  }
  return table({"WORKER", "STATE", "TASKS/SLOTS", "HEARD", "LANGUAGES", "INSTANCE"},
               std::move(rows));
}

}  // namespace

int execute(const QueuesOptions& options) {
  if (options.list) {
    return print_answer(ask(options.broker, net::Queues{}), options.json, queues_table);
  }
  const auto request = request_of(options);
  if (!request) return fail(request.error());
  if (options.op == net::AdminOp::purge_queue) return purge_queue(options, *request);
  return print_answer(ask(options.broker, *request), options.json, queues_table);
}

int execute(const WorkersOptions& options) {
  if (options.list) {
    return print_answer(ask(options.broker, net::Workers{}), options.json, workers_table);
  }
  net::Admin request;
  request.op = options.op;
  request.worker = options.worker;
  return print_answer(ask(options.broker, request), options.json, workers_table);
}

}  // namespace kiln::cli
