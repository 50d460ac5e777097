#include "cli/arguments_parts.h"

namespace kiln::cli {
namespace {

void add_run(CommandLine& line) {
  std::shared_ptr<RunOptions> options;
  CLI::App& run = *add_command(line, "run", "Run a program here, or on --broker", options);
  run.add_option("FILE", options->program, "The program, or - for standard input")->required();
  add_task(run, options->task);
  line.bindings.add_broker(run, options->broker,
                           "Run it there instead of in a broker and worker of its own");
  add_out(run, options->out);
  add_json(run, options->json);
  run.add_flag("--quiet", options->quiet, "No receipt");
}

void add_submit(CommandLine& line) {
  std::shared_ptr<SubmitOptions> options;
  CLI::App& submit =
      *add_command(line, "submit", "Queue programs; prints each one's task id", options);
  submit.add_option("FILE", options->programs, "The programs (- for standard input)")->required();
  add_task(submit, options->task);
  line.bindings.add_client(submit, options->broker);
  submit.add_option("--queue", options->queue, "Its queue (default " + options->queue + ")");
  submit.add_option("--priority", options->priority, "0 to 10, higher is sooner (default 5)")
      ->type_name("NUMBER");
  submit.add_option("--id", options->id, "The task's id, to submit again after any doubt")
      ->type_name("UUID");
  submit.add_option("--max-retries", options->max_retries, "Retries after a failure (default 3)")
      ->type_name("NUMBER");
  add_retry_settings(submit, options->retry_on, options->retry_delay);
  submit.add_option("--countdown", options->countdown, "Start it so long after now at the soonest")
      ->type_name("SECONDS");
  submit
      .add_option("--expires-in", options->expires_in,
                  "Do not start it any more when so long has passed")
      ->type_name("SECONDS");
  submit.add_flag("--wait", options->wait, "Somebody waits: the first failure is the result");
  submit.add_flag("--no-cache", options->no_cache, "Run it even if the same work was done before");
  add_json(submit, options->json);
}

template <class Options>
CLI::App& add_task_query(CommandLine& line, const std::string& name, const std::string& about,
                         std::shared_ptr<Options>& options) {
  CLI::App& command = *add_command(line, name, about, options);
  command.add_option("ID", options->id, "The task's id")->required();
  line.bindings.add_client(command, options->broker);
  add_json(command, options->json);
  return command;
}

void add_queries(CommandLine& line) {
  std::shared_ptr<StatusOptions> status;
  add_task_query(line, "status", "Where a task is", status)
      .add_flag("--history", status->history, "What happened to it, too");
  std::shared_ptr<ResultOptions> result;
  CLI::App& r = add_task_query(line, "result", "A task's output, exit code and cost", result);
  r.add_option("--wait", result->wait, "Wait this long for its end")->type_name("SECONDS");
  add_out(r, result->out);
  r.add_flag("--quiet", result->quiet, "No receipt");
  std::shared_ptr<CancelOptions> cancel;
  add_task_query(line, "cancel", "Stop a task, queued or running", cancel);
  std::shared_ptr<RetryOptions> retry;
  add_task_query(line, "retry", "Try a task again now, or one that ended anew", retry);
  std::shared_ptr<LogsOptions> logs;
  CLI::App& l = add_task_query(line, "logs", "A task's output, live", logs);
  l.add_flag("-f,--follow", logs->follow, "Until its end; the exit code is then its own");

  std::shared_ptr<ListOptions> list;
  CLI::App& t = *add_command(line, "list", "Tasks, newest first", list);
  t.add_option("--queue", list->queue, "Only of this queue");
  t.add_option("--state", list->state, "Only in this state, such as queued or dead");
  t.add_option("--limit", list->limit, "At most so many (default 100)")
      ->check(CLI::Range(1U, 1'000'000U))
      ->type_name("NUMBER");
  line.bindings.add_client(t, list->broker);
  add_json(t, list->json);
}

}  // namespace

void add_tasks(CommandLine& line) {
  add_run(line);
  add_submit(line);
  add_queries(line);
}

}  // namespace kiln::cli
