#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/console.h"
#include "cli/examples.h"
#include "cli/exit_codes.h"
#include "cli/version.h"
#include "config/nearest.h"

namespace kiln::cli {
namespace {

constexpr const char* kAbout =
    "Kiln runs untrusted programs, each in a single-use sandbox.\n"
    "Exit codes: the program's own; 128+n after signal n; 124 time limit; 137 memory limit;\n"
    "1 compile error, output limit or findings of verify; 130 after Ctrl-C; 2 bad usage; 125 our "
    "own failure.";

// A sub-command's options are read straight into its struct; `chosen` gets it when it was typed.
template <class Options>
CLI::App* add_command(CLI::App& app, std::optional<Command>& chosen, const std::string& name,
                      const std::string& about, std::shared_ptr<Options>& options) {
  options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(name, about);
  command->footer(examples_of(name));
  command->callback([options, &chosen] { chosen = *options; });
  return command;
}

void add_keys(CLI::App& command, BrokerAccess& broker) {
  command.add_option("--key", broker.key, "Our key, where the broker asks for one (see keygen)")
      ->envname("KILN_KEY")
      ->type_name("FILE");
  command
      .add_option("--broker-key", broker.broker_key, "The broker's public key, or its .pub file")
      ->envname("KILN_BROKER_KEY")
      ->type_name("KEY");
}

void add_broker(CLI::App& command, BrokerAccess& broker, const std::string& what) {
  command.add_option("--broker", broker.endpoint, what)
      ->envname("KILN_BROKER")
      ->type_name("ENDPOINT");
  add_keys(command, broker);
}

void add_client(CLI::App& command, BrokerAccess& broker) {
  broker.endpoint = kDefaultBroker;
  add_broker(command, broker, "The broker (default " + broker.endpoint + ")");
}

void add_task(CLI::App& command, TaskOptions& task) {
  command.add_option("--language", task.language, "Of the program (default: by its extension)");
  command.add_option("--arg", task.args, "An argument for the program (repeat for more)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--env", task.env, "A variable for the program (repeat for more)")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--stdin", task.stdin_path, "The program's standard input: a file, or -")
      ->type_name("PATH");
  command.add_option("--timeout", task.timeout, "Time limit, such as 2 or 0.5 (default 120)")
      ->type_name("SECONDS");
  command.add_option("--memory", task.memory, "Memory limit (default 1024)")->type_name("MB");
  command
      .add_option("--limit", task.limits,
                  "Any limit by its name, such as output_bytes=8388608 (repeat for more)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("NAME=NUMBER");
  command
      .add_option(
          "--file", task.files,
          "A file or directory to put beside the program, under NAME (default: its own; repeat "
          "for more)")
      ->type_name("PATH[:NAME]")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_out(CLI::App& command, std::string& out) {
  command
      .add_option("--out", out,
                  "Write there what the program leaves in /box/out; made where it is missing")
      ->type_name("DIR");
}

void add_json(CLI::App& command, bool& json) {
  command.add_flag("--json", json,
                   "Print one JSON object and nothing else; bytes that are not UTF-8 stand as "
                   "{\"base64\": \"...\"}");
}

void add_log_level(CLI::App& command, std::string& level) {
  command.add_option("--log-level", level, "Least level of the log lines (default info)")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->type_name("LEVEL");
}

void add_run(CLI::App& app, std::optional<Command>& chosen) {
  std::shared_ptr<RunOptions> options;
  CLI::App& run = *add_command(app, chosen, "run", "Run a program here, or on --broker", options);
  run.add_option("FILE", options->program, "The program, or - for standard input")->required();
  add_task(run, options->task);
  add_broker(run, options->broker, "Run it there instead of in a broker and worker of its own");
  add_out(run, options->out);
  add_json(run, options->json);
  run.add_flag("--quiet", options->quiet, "No receipt");
}

CLI::Option* add_http(CLI::App& command, HttpCommand& http) {
  command
      .add_option("--metrics-token-file", http.token_file,
                  "Whoever reads /metrics sends the token in this file (Bearer)")
      ->type_name("FILE");
  return command
      .add_option(
          "--http", http.address,
          "Where /metrics, /healthz and /readyz are read, or off; port 0 takes any free one "
          "(default " +
              http.address + ")")
      ->type_name("ADDRESS:PORT");
}

void add_broker_options(CLI::App& command, BrokerCommand& options) {
  command.add_option("--data", options.data, "The directory that holds the tasks")
      ->envname("KILN_DATA")
      ->type_name("DIRECTORY");
  command
      .add_option(
          "--clients", options.clients,
          "Where clients connect; port * takes any free one (default " + options.clients + ")")
      ->type_name("ENDPOINT");
  command
      .add_option("--workers", options.workers,
                  "Where workers connect (default " + options.workers + ")")
      ->type_name("ENDPOINT");
  command
      .add_option("--key", options.key,
                  "The broker's key: whoever connects needs one too (see keygen)")
      ->type_name("FILE");
  command
      .add_option("--allow", options.allow,
                  "Who may come in: KEY ROLE TENANT NAME lines; read again on SIGHUP")
      ->type_name("FILE");
  command
      .add_option("--cache", options.cache,
                  "Which results answer equal work: success (default), always, never")
      ->check(CLI::IsMember({"success", "always", "never"}))
      ->type_name("MODE");
  command.add_option("--cache-time", options.cache_time, "For so long (default 3600)")
      ->type_name("SECONDS");
  command
      .add_option("--blob-space", options.blob_space,
                  "What the blobs of each tenant may take (default " + options.blob_space + ")")
      ->type_name("MB");
  command
      .add_option("--alert-command", options.alert_command,
                  "Run by the shell when tasks died, with a JSON line for each on its input")
      ->type_name("COMMAND");
  add_http(command, options.http)->envname("KILN_HTTP");
  command.add_flag("--insecure", options.insecure,
                   "Listen on any address even without keys or token: everybody there is an admin");
}

void add_worker_options(CLI::App& command, WorkerCommand& options) {
  command.add_option("--name", options.name, "The worker's name (default: the host's)");
  command.add_option("--slots", options.slots, "Tasks at once (default: one for each CPU)")
      ->check(CLI::Range(1, 1'024))
      ->type_name("NUMBER");
  command.add_option("--first-uid", options.first_uid, "First of the cells' user ids")
      ->check(CLI::Range(1'000, 2'000'000'000))
      ->type_name("UID");
}

void add_services(CLI::App& app, std::optional<Command>& chosen) {
  std::shared_ptr<ServeOptions> serve;
  CLI::App& s = *add_command(app, chosen, "serve", "A broker and a worker on this machine", serve);
  add_broker_options(s, serve->broker);
  add_worker_options(s, serve->worker);
  add_log_level(s, serve->broker.log_level);

  std::shared_ptr<BrokerCommand> broker;
  CLI::App& b =
      *add_command(app, chosen, "broker", "A broker: queues tasks, keeps results", broker);
  add_broker_options(b, *broker);
  add_log_level(b, broker->log_level);

  std::shared_ptr<WorkerCommand> worker;
  CLI::App& w = *add_command(app, chosen, "worker", "A worker: runs tasks in cells", worker);
  w.add_option("--broker", worker->broker.endpoint,
               "The broker's endpoint for workers (default " + worker->broker.endpoint + ")")
      ->envname("KILN_WORKER_BROKER")
      ->type_name("ENDPOINT");
  add_keys(w, worker->broker);
  add_worker_options(w, *worker);
  add_http(w, worker->http);
  w.add_flag("--insecure", worker->insecure, "HTTP on any address even without a token");
  w.add_flag("--noop", worker->noop,
             "Run nothing: tasks of the language noop end at once, so that bench can measure the "
             "broker");
  w.add_option("--queue", worker->queues, "Serve only this queue (repeat for more)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  w.add_option("--tag", worker->tags, "A tag of this worker (repeat for more)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add_log_level(w, worker->log_level);
}

void add_retry_settings(CLI::App& command, std::vector<std::string>& retry_on,
                        std::optional<std::string>& retry_delay) {
  command
      .add_option("--retry-on", retry_on,
                  "What is retried: timeout, memory, os_error, nonzero_exit, signaled, "
                  "output_limit, compile_error (repeat for more)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("REASON");
  command
      .add_option("--retry-delay", retry_delay,
                  "Before the first retry, five times longer before each later one (default 5)")
      ->type_name("SECONDS");
}

void add_submit(CLI::App& app, std::optional<Command>& chosen) {
  std::shared_ptr<SubmitOptions> options;
  CLI::App& submit =
      *add_command(app, chosen, "submit", "Queue programs; prints each one's task id", options);
  submit.add_option("FILE", options->programs, "The programs (- for standard input)")->required();
  add_task(submit, options->task);
  add_client(submit, options->broker);
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
CLI::App& add_task_query(CLI::App& app, std::optional<Command>& chosen, const std::string& name,
                         const std::string& about, std::shared_ptr<Options>& options) {
  CLI::App& command = *add_command(app, chosen, name, about, options);
  command.add_option("ID", options->id, "The task's id")->required();
  add_client(command, options->broker);
  add_json(command, options->json);
  return command;
}

void add_queries(CLI::App& app, std::optional<Command>& chosen) {
  std::shared_ptr<StatusOptions> status;
  add_task_query(app, chosen, "status", "Where a task is", status)
      .add_flag("--history", status->history, "What happened to it, too");
  std::shared_ptr<ResultOptions> result;
  CLI::App& r =
      add_task_query(app, chosen, "result", "A task's output, exit code and cost", result);
  r.add_option("--wait", result->wait, "Wait this long for its end")->type_name("SECONDS");
  add_out(r, result->out);
  r.add_flag("--quiet", result->quiet, "No receipt");
  std::shared_ptr<CancelOptions> cancel;
  add_task_query(app, chosen, "cancel", "Stop a task, queued or running", cancel);
  std::shared_ptr<RetryOptions> retry;
  add_task_query(app, chosen, "retry", "Try a task again now, or one that ended anew", retry);
  std::shared_ptr<LogsOptions> logs;
  CLI::App& l = add_task_query(app, chosen, "logs", "A task's output, live", logs);
  l.add_flag("-f,--follow", logs->follow, "Until its end; the exit code is then its own");

  std::shared_ptr<ListOptions> list;
  CLI::App& t = *add_command(app, chosen, "list", "Tasks, newest first", list);
  t.add_option("--queue", list->queue, "Only of this queue");
  t.add_option("--state", list->state, "Only in this state, such as queued or dead");
  t.add_option("--limit", list->limit, "At most so many (default 100)")
      ->check(CLI::Range(1U, 1'000'000U))
      ->type_name("NUMBER");
  add_client(t, list->broker);
  add_json(t, list->json);
}

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

void add_queues(CLI::App& app, std::optional<Command>& chosen) {
  std::shared_ptr<QueuesOptions> options;
  CLI::App& queues = *add_command(app, chosen, "queues", "The queues of a broker", options);
  queues.require_subcommand(0, 1);
  add_client(queues, options->broker);
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

void add_workers(CLI::App& app, std::optional<Command>& chosen) {
  std::shared_ptr<WorkersOptions> options;
  CLI::App& workers = *add_command(app, chosen, "workers", "The workers of a broker", options);
  workers.require_subcommand(0, 1);
  add_client(workers, options->broker);
  add_json(workers, options->json);
  const auto add = [&](net::AdminOp op, const char* name, const char* about) {
    add_operation(workers, options, op, name, about)
        .add_option("WORKER", options->worker, "Its name, or its instance id")
        ->required();
  };
  add(net::AdminOp::ping_worker, "ping", "Ask whether it answers");
  add(net::AdminOp::drain_worker, "drain", "Let it finish what runs and leave");
}

void add_dead_letters(CLI::App& app, std::optional<Command>& chosen) {
  std::shared_ptr<DeadLettersOptions> options;
  CLI::App& letters = *add_command(app, chosen, "dead-letters",
                                   "Tasks that died: see, submit anew, delete", options);
  letters.require_subcommand(1);
  add_client(letters, options->broker);
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

void add_keygen(CLI::App& app, std::optional<Command>& chosen) {
  std::shared_ptr<KeygenOptions> options;
  CLI::App& keygen = *add_command(
      app, chosen, "keygen", "Make a key; prints its public half and its allow-list line", options);
  keygen
      .add_option("--out", options->out,
                  "Where the secret key goes, and the public one as .pub beside it (default " +
                      options->out + ")")
      ->type_name("FILE");
  keygen.add_option("--role", options->role, "In the line: client (default), worker or admin")
      ->check(CLI::IsMember({"client", "worker", "admin"}))
      ->type_name("ROLE");
  keygen.add_option("--tenant", options->tenant,
                    "In the line: whose tasks it sees (default " + options->tenant + ")");
  keygen.add_option("--name", options->name, "In the line (default: the file's name)");
  add_json(keygen, options->json);
}

void add_verify(CLI::App& app, std::optional<Command>& chosen) {
  std::shared_ptr<VerifyOptions> options;
  CLI::App& verify = *add_command(
      app, chosen, "verify", "Check a broker's data directory; 1 if something is wrong", options);
  verify.add_option("--data", options->data, "The directory; a broker may be using it")
      ->envname("KILN_DATA")
      ->type_name("DIRECTORY");
  verify
      .add_option("--ledger", options->ledger,
                  "What clients were told, a JSON line for each time (docs/verify.md)")
      ->type_name("FILE");
  verify.add_flag("--all-ended", options->all_ended, "Every task must have ended");
  add_json(verify, options->json);
}

void add_bench(CLI::App& app, std::optional<Command>& chosen) {
  std::shared_ptr<BenchOptions> options;
  CLI::App& bench = *add_command(app, chosen, "bench",
                                 "Measure a broker and its workers, here or on --broker", options);
  bench
      .add_option("PATTERN", options->pattern,
                  "throughput (default): --clients at once, each with one task after another;\n"
                  "latency: one such client; sparse: one task every 100 ms;\n"
                  "rate: --rate tasks a second, whether earlier ones have ended or not")
      ->check(CLI::IsMember({"throughput", "latency", "sparse", "rate"}));
  bench.add_option("--tasks", options->tasks, "How many (default 200)")
      ->check(CLI::Range(1, 10'000'000))
      ->type_name("NUMBER");
  bench.add_option("--clients", options->clients, "Connections (default 8)")
      ->check(CLI::Range(1, 256))
      ->type_name("NUMBER");
  bench.add_option("--rate", options->rate, "For rate: tasks a second (default 50)")
      ->check(CLI::Range(0.1, 100'000.0))
      ->type_name("NUMBER");
  bench.add_flag("--noop", options->noop,
                 "Tasks that run nothing: the broker alone (needs a worker --noop)");
  bench.add_option("--slots", options->slots, "Of its own worker (default: one for each CPU)")
      ->check(CLI::Range(1, 1'024))
      ->type_name("NUMBER");
  add_broker(bench, options->broker, "Measure it there instead of a broker and worker of its own");
  add_json(bench, options->json);
}

// The command that was typed, for messages; the app itself when there was none.
const CLI::App& typed_command(const CLI::App& app) {
  const auto commands = app.get_subcommands();
  return commands.empty() ? app : typed_command(*commands.front());
}

std::vector<std::string_view> known_words(const CLI::App& app, std::vector<std::string>& storage) {
  for (const CLI::App* command : app.get_subcommands({})) storage.push_back(command->get_name());
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) storage.push_back("--" + name);
  }
  return {storage.begin(), storage.end()};
}

// The word that no option and no command took: an option if there is one (what follows it may be
// its value), else the first.
std::string stray_word(const CLI::App& command) {
  const std::vector<std::string> stray = command.remaining();
  const auto option = std::find_if(stray.begin(), stray.end(),
                                   [](const std::string& word) { return word.starts_with('-'); });
  if (option != stray.end()) return option->substr(0, option->find('='));
  return stray.empty() ? "" : stray.front();
}

std::string what_is_wrong(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = typed_command(app);
  const std::string word = stray_word(command);
  const std::string told = error.what();
  if (word.empty() && told.find("required but received") != std::string::npos) {
    return told.substr(0, told.find(':')) + " is given twice: give it once";
  }
  if (word.empty()) return told;
  const bool option = word.starts_with('-');
  const std::string kind = option             ? "unknown option "
                           : &command == &app ? "unknown command "
                                              : "unexpected ";
  std::vector<std::string> storage;
  const std::vector<std::string_view> words = known_words(command, storage);
  const std::string near = config::nearest(word, words);
  return kind + word + (near.empty() ? "" : ": did you mean " + near + "?");
}

int report(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = typed_command(app);
  if (error.get_exit_code() == 0) return app.exit(error);  // help or version
  const std::string name = &command == &app ? "kiln" : "kiln " + command.get_name();
  std::string text = what_is_wrong(app, error);
  if (!text.ends_with('.') && !text.ends_with('?')) text += '.';
  say(text + " " + name + " --help shows how");
  return kExitUsage;
}

}  // namespace

std::variant<Command, int> parse_arguments(int argc, const char* const* argv) {
  CLI::App app(kAbout, "kiln");
  app.set_version_flag("--version", std::string(kVersion));
  app.footer(examples_of(""));
  app.get_formatter()->column_width(34);
  app.require_subcommand(1);
  std::optional<Command> chosen;
  add_run(app, chosen);
  add_services(app, chosen);
  add_submit(app, chosen);
  add_queries(app, chosen);
  add_queues(app, chosen);
  add_workers(app, chosen);
  add_dead_letters(app, chosen);
  add_keygen(app, chosen);
  add_verify(app, chosen);
  add_bench(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report(app, error);
  }
  return *std::move(chosen);
}

}  // namespace kiln::cli
