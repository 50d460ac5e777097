// kiln submit: queues programs and prints their ids once the broker has them on disk.
#include <algorithm>
#include <cstdint>

#include "base/random.h"
#include "cli/access.h"
#include "cli/blobs.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/json.h"
#include "cli/task_input.h"
#include "net/client.h"

namespace kiln::cli {
namespace {

Status choose_id(const SubmitOptions& options, model::TaskSpec& spec) {
  if (options.id.empty()) {
    Random random = seeded_random();
    spec.id = make_id<TaskId>(real_now().wall, random);
    return {};
  }
  if (options.programs.size() > 1) {
    return field_error("id", "--id names one task, but there are several programs",
                       "Submit them one by one");
  }
  const auto id = parse_task_id(options.id);
  if (!id) return id.error();
  spec.id = *id;
  return {};
}

Status read_times(const SubmitOptions& options, model::TaskSpec& spec) {
  if (!options.retry_on.empty()) {
    auto reasons = parse_retry_reasons(options.retry_on);
    if (!reasons) return std::move(reasons).error();
    spec.retry_on = std::move(reasons).value();
  }
  if (options.retry_delay) {
    const auto ms = parse_seconds("--retry-delay", *options.retry_delay);
    if (!ms) return ms.error();
    spec.retry_delay_ms = static_cast<uint32_t>(std::min<int64_t>(*ms, UINT32_MAX));
  }
  if (options.countdown) {
    const auto ms = parse_seconds("--countdown", *options.countdown);
    if (!ms) return ms.error();
    spec.countdown_ms = static_cast<uint64_t>(*ms);
  }
  if (options.expires_in) {
    const auto ms = parse_seconds("--expires-in", *options.expires_in);
    if (!ms) return ms.error();
    spec.expires_in_ms = static_cast<uint64_t>(*ms);
  }
  return {};
}

Result<TaskInput> read_submission(const std::string& path, const SubmitOptions& options,
                                  const config::Languages& languages) {
  auto input = read_task(path, options.task, languages, false);
  if (!input) return input;
  model::TaskSpec& spec = input->spec;
  spec.queue = options.queue;
  spec.priority = options.priority;
  spec.wait = options.wait;
  spec.cache = !options.no_cache;
  if (options.max_retries) spec.max_retries = *options.max_retries;
  if (Status s = read_times(options, spec); !s) return std::move(s).error();
  if (Status s = choose_id(options, spec); !s) return std::move(s).error();
  if (Status s = model::validate(spec); !s) return std::move(s).error();
  return input;
}

// A late answer is asked for again: the id makes it the same task.
Result<net::Ok> send(net::Client& client, const model::TaskSpec& spec) {
  auto answer = client.request(net::Submit{0, spec, false});
  if (answer || answer.error().code != ErrorCode::timeout) return answer;
  return client.request(net::Submit{0, spec, false});
}

Status submit_one(net::Client& client, const TaskInput& task, bool json) {
  if (Status s = put_blobs(client, task.uploads); !s) return s;
  const auto answer = send(client, task.spec);
  if (!answer) return answer.error();
  if (!answer->task) return Error{ErrorCode::malformed, "the answer has no task", "", "", ""};
  return print_line(json ? task_json(*answer->task) : to_string(answer->task->id));
}

}  // namespace

int execute(const SubmitOptions& options) {
  const config::Languages languages = config::default_languages();
  std::vector<TaskInput> tasks;
  for (const std::string& path : options.programs) {
    auto task = read_submission(path, options, languages);
    if (!task) return fail(task.error());
    tasks.push_back(std::move(*task));
  }
  auto client = connect(options.broker);
  if (!client) return fail(client.error());
  for (const TaskInput& task : tasks) {
    if (Status s = submit_one(**client, task, options.json); !s) return fail(s.error());
  }
  return kExitOk;
}

}  // namespace kiln::cli
