#include "cli/arguments.h"

#include "cli/arguments_parts.h"
#include "cli/console.h"
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

int report(const std::vector<Error>& errors) {
  for (const Error& error : errors) say(error.text());
  return kExitUsage;
}

}  // namespace

std::variant<Command, int> parse_arguments(int argc, const char* const* argv) {
  CommandLine line{CLI::App(kAbout, "kiln"), {}, {}};
  CLI::App& app = line.app;
  app.set_version_flag("--version", std::string(kVersion));
  app.footer(examples_of(""));
  app.get_formatter()->column_width(34);
  app.require_subcommand(1);
  add_tasks(line);
  add_services(line);
  add_admin(line);
  add_tools(line);
  try {
    app.parse(argc, argv);
    const std::vector<Error> errors = line.bindings.fill_in();
    if (!errors.empty()) return report(errors);
  } catch (const CLI::ParseError& error) {
    return report(app, error);
  }
  return line.take();
}

}  // namespace kiln::cli
