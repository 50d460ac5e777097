// A launcher that fails where it is told: linked in place of src/sandbox/no_faults.cc. Told by the
// request's own environment, so that each cell of one launcher may fail elsewhere:
//
//   KILN_TEST_FAIL=step   the step reports EIO instead of being done
//   KILN_TEST_SKIP=step   the step is left out, and nobody is told
//
// or by its own binary, for what happens where no request is known: whoever copies it writes names
// behind the mark below (PatchedLauncher, scripts/prove.py), each followed by a space; with "!"
// before it a step fails, else it is left out.
#include "sandbox/faults.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>

namespace kiln::sandbox {
namespace {

constexpr size_t kMarkBytes = 18;
constexpr size_t kRoom = 512;

// Not constant, so that nobody reads it before it is patched. It begins with the mark, which is
// nowhere else in the program.
[[gnu::used]] std::array<char, kRoom> patched = {"KILN_TEST_FAULTS: "};

bool is_patched(std::string_view prefix, std::string_view name) {
  asm volatile("" : : "r"(patched.data()) : "memory");
  std::string_view words(patched.data() + kMarkBytes, kRoom - kMarkBytes);
  words = words.substr(0, words.find('\0'));
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    if (word.starts_with(prefix) && word.substr(prefix.size()) == name) return true;
    words.remove_prefix(word.size() < words.size() ? word.size() + 1 : words.size());
  }
  return false;
}

bool has_variable(const wire::RunView* request, std::string_view name, std::string_view value) {
  if (request == nullptr) return false;  // made ahead
  for (const char* const variable : request->env) {
    if (variable == nullptr) break;
    const std::string_view text(variable);
    if (text.starts_with(name) && text.substr(name.size()) == value) return true;
  }
  return false;
}

}  // namespace

int step_fault(Step step, const wire::RunView* request) {
  const std::string_view name = step_name(step);
  if (is_patched("!", name) || has_variable(request, "KILN_TEST_FAIL=", name)) return EIO;
  if (is_patched("", name) || has_variable(request, "KILN_TEST_SKIP=", name)) return kSkipStep;
  return 0;
}

}  // namespace kiln::sandbox
