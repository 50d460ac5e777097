#include "cli/arguments_parts.h"

namespace kiln::cli {
namespace {

void add_broker_options(CommandLine& line, CLI::App& command, BrokerCommand& options) {
  Bindings& bindings = line.bindings;
  bindings.add(command, "broker.data", options.data);
  bindings.add(command, "broker.clients", options.clients);
  bindings.add(command, "broker.workers", options.workers);
  bindings.add(command, "broker.key_file", options.key);
  bindings.add(command, "broker.allow", options.allow);
  bindings.add(command, "broker.cache", options.cache);
  bindings.add(command, "broker.cache_time", options.cache_time);
  bindings.add(command, "broker.blob_space", options.blob_space);
  bindings.add(command, "broker.alert_command", options.alert_command);
  bindings.add(command, "broker.http", options.http.address);
  bindings.add(command, "broker.metrics_token_file", options.http.token_file);
  bindings.add_flag(command, "broker.insecure", options.insecure);
}

void add_worker_options(CommandLine& line, CLI::App& command, WorkerCommand& options) {
  line.bindings.add(command, "worker.name", options.name);
  line.bindings.add(command, "worker.slots", options.slots);
  line.bindings.add(command, "worker.first_uid", options.first_uid);
}

// What every service has; `check` is the command's own.
void add_service_options(CommandLine& line, CLI::App& command, std::string& log_level,
                         ConfigCheck& check) {
  line.bindings.add(command, "log.level", log_level);
  line.bindings.add_config(command, &check.values);
  CLI::Option* only_check = command.add_flag(
      "--check-config", check.wanted,
      "Start nothing: print what is set and where it comes from, or all that is wrong");
  command.add_flag("--json", check.json, "With --check-config: print a JSON object")
      ->needs(only_check);
}

void add_serve(CommandLine& line) {
  std::shared_ptr<ServeOptions> options;
  CLI::App& serve = *add_command(line, "serve", "A broker and a worker on this machine", options);
  add_broker_options(line, serve, options->broker);
  add_worker_options(line, serve, options->worker);
  add_service_options(line, serve, options->broker.log_level, options->check);
}

void add_one_broker(CommandLine& line) {
  std::shared_ptr<BrokerCommand> options;
  CLI::App& broker = *add_command(line, "broker", "A broker: queues tasks, keeps results", options);
  add_broker_options(line, broker, *options);
  add_service_options(line, broker, options->log_level, options->check);
}

void add_worker(CommandLine& line) {
  std::shared_ptr<WorkerCommand> options;
  CLI::App& worker = *add_command(line, "worker", "A worker: runs tasks in cells", options);
  Bindings& bindings = line.bindings;
  bindings.add(worker, "worker.broker", options->broker.endpoint);
  bindings.add(worker, "worker.key_file", options->broker.key);
  bindings.add(worker, "worker.broker_key", options->broker.broker_key);
  add_worker_options(line, worker, *options);
  bindings.add(worker, "worker.queues", options->queues);
  bindings.add(worker, "worker.tags", options->tags);
  bindings.add(worker, "worker.http", options->http.address);
  bindings.add(worker, "worker.metrics_token_file", options->http.token_file);
  bindings.add_flag(worker, "worker.insecure", options->insecure);
  bindings.add_flag(worker, "worker.noop", options->noop);
  add_service_options(line, worker, options->log_level, options->check);
}

}  // namespace

void add_services(CommandLine& line) {
  add_serve(line);
  add_one_broker(line);
  add_worker(line);
}

}  // namespace kiln::cli
