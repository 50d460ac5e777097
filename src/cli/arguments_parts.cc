#include "cli/arguments_parts.h"

namespace kiln::cli {

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

}  // namespace kiln::cli
