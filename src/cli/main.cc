// The kiln binary: reads the command line and calls the one function of the command.
#include <variant>

#include "cli/arguments.h"
#include "cli/commands.h"

int main(int argc, char** argv) {
  const auto parsed = kiln::cli::parse_arguments(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  return std::visit([](const auto& options) { return kiln::cli::execute(options); },
                    std::get<kiln::cli::Command>(parsed));
}
