#include "cli/arguments_parts.h"

namespace kiln::cli {
namespace {

// A sub-command of a command: what it is typed after may have options of its own, such as --broker.
template <class Options>
CLI::App& add_operation(CLI::App& command, const std::shared_ptr<Options>& options,
                        decltype(Options::op) op, const std::string& name,
                        const std::string& about) {
  CLI::App* operation = command.add_subcommand(name, about);
  operation->fallthrough();
  operation->callback([options, op] {
    if constexpr (requires { options->list; }) options->list = false;
    options->op = op;
  });
  return *operation;
}

void add_queues(CommandLine& line) {
  std::shared_ptr<QueuesOptions> options;
  CLI::App& queues = *add_command(line, "queues", "The queues of a broker", options);
  queues.require_subcommand(0, 1);
  line.bindings.add_client(queues, options->broker);
  add_json(queues, options->json);
  const auto add = [&](net::AdminOp op, const char* name, const char* about) -> CLI::App& {
    CLI::App& operation = add_operation(queues, options, op, name, about);
    operation.add_option("QUEUE", options->queue, "Its name")->required();
    return operation;
  };
  add(net::AdminOp::pause_queue, "pause", "Start nothing of it; submissions are still taken");
  add(net::AdminOp::resume_queue, "resume", "End a pause");
  add(net::AdminOp::purge_queue, "purge", "Cancel what waits in it");
  CLI::App& set = add(net::AdminOp::set_queue, "set",
                      "What its tasks get where their submission leaves it open");
  set.add_option("--max-retries", options->max_retries, "Retries after a failure")
      ->check(CLI::Range(0, model::kMaxRetries))
      ->type_name("NUMBER");
  add_retry_settings(set, options->retry_on, options->retry_delay);
  set.add_flag("--full-jitter,!--tenth-jitter", options->full_jitter,
               "Each delay anywhere between 0 and its length (else varied by a tenth)");
}

void add_workers(CommandLine& line) {
  std::shared_ptr<WorkersOptions> options;
  CLI::App& workers = *add_command(line, "workers", "The workers of a broker", options);
  workers.require_subcommand(0, 1);
  line.bindings.add_client(workers, options->broker);
  add_json(workers, options->json);
  const auto add = [&](net::AdminOp op, const char* name, const char* about) {
    add_operation(workers, options, op, name, about)
        .add_option("WORKER", options->worker, "Its name, or its instance id")
        ->required();
  };
  add(net::AdminOp::ping_worker, "ping", "Ask whether it answers");
  add(net::AdminOp::drain_worker, "drain", "Let it finish what runs and leave");
}

void add_dead_letters(CommandLine& line) {
  std::shared_ptr<DeadLettersOptions> options;
  CLI::App& letters =
      *add_command(line, "dead-letters", "Tasks that died: see, submit anew, delete", options);
  letters.require_subcommand(1);
  line.bindings.add_client(letters, options->broker);
  add_json(letters, options->json);
  const auto add_filter = [&](CLI::App& operation) {
    operation.add_option("--queue", options->queue, "Only of this queue");
    operation.add_option("--verdict", options->verdict, "Only with this verdict");
    operation.add_option("--limit", options->limit, "At most so many")
        ->check(CLI::Range(1U, 1'000'000U))
        ->type_name("NUMBER");
  };
  const auto add_bulk = [&](CLI::App& operation) {
    operation.add_option("ID", options->ids, "These");
    add_filter(operation);
    operation.add_flag("--all", options->all, "All of them");
    operation.add_flag("--dry-run", options->dry_run, "Only say which");
    operation.add_option("--rate", options->rate, "At most so many a second")
        ->check(CLI::Range(1U, 100'000U))
        ->type_name("NUMBER");
  };
  add_filter(add_operation(letters, options, net::DeadLetterOp::list, "list", "Newest first"));
  add_operation(letters, options, net::DeadLetterOp::show, "show", "One, with its evidence")
      .add_option("ID", options->ids, "The task's id")
      ->expected(1)
      ->required();
  add_bulk(add_operation(letters, options, net::DeadLetterOp::requeue, "requeue",
                         "Submit anew, as new tasks"));
  add_bulk(add_operation(letters, options, net::DeadLetterOp::purge, "purge", "Delete"));
}

}  // namespace

void add_admin(CommandLine& line) {
  add_queues(line);
  add_workers(line);
  add_dead_letters(line);
}

}  // namespace kiln::cli
