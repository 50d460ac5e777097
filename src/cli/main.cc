// The kiln binary: reads the command line and calls the one function of the command.
#include <malloc.h>

#include <variant>

#include "cli/arguments.h"
#include "cli/commands.h"

namespace {

// Programs, results and messages of this size and above get pages of their own, which go back when
// they are freed. glibc raises its threshold by itself once such a block was freed, and from then
// on they lie in its heaps, between small ones that keep those from shrinking: a broker whose
// caches hold 96 MB then takes 250 MiB instead of 125 (mallopt(3), docs/performance.md).
constexpr int kOwnPagesBytes = 128 * 1024;

}  // namespace

int main(int argc, char** argv) {
  mallopt(M_MMAP_THRESHOLD, kOwnPagesBytes);
  const auto parsed = kiln::cli::parse_arguments(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  return std::visit([](const auto& options) { return kiln::cli::execute(options); },
                    std::get<kiln::cli::Command>(parsed));
}
