// What the files arguments_*.cc share: each adds the commands of one kind to the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/bindings.h"
#include "cli/examples.h"

namespace kiln::cli {

struct CommandLine {
  CLI::App app;
  Bindings bindings;
  std::function<Command()> take;  // the command that was typed, once all its options are set
};

// A sub-command's options are read straight into its struct.
template <class Options>
CLI::App* add_command(CommandLine& line, const std::string& name, const std::string& about,
                      std::shared_ptr<Options>& options) {
  options = std::make_shared<Options>();
  CLI::App* command = line.app.add_subcommand(name, about);
  command->footer(examples_of(name));
  command->callback([options, &line] { line.take = [options] { return Command(*options); }; });
  return command;
}

void add_task(CLI::App& command, TaskOptions& task);
void add_out(CLI::App& command, std::string& out);
void add_json(CLI::App& command, bool& json);
void add_retry_settings(CLI::App& command, std::vector<std::string>& retry_on,
                        std::optional<std::string>& retry_delay);

// Each adds its commands.
void add_tasks(CommandLine& line);     // run, submit, and questions about tasks
void add_services(CommandLine& line);  // serve, broker, worker
void add_admin(CommandLine& line);     // queues, workers, dead-letters
void add_tools(CommandLine& line);     // keygen, verify, bench, doctor

}  // namespace kiln::cli
