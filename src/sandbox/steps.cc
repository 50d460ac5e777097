#include "sandbox/steps.h"

#include <array>
#include <string>

namespace kiln::sandbox {
namespace {

struct StepWords {
  std::string_view name;
  std::string_view what;
  std::string_view hint;
};

constexpr std::array kWords = {StepWords{"none", "nothing", ""},
#define KILN_X(name, what, hint) StepWords{#name, what, hint},
                               KILN_SETUP_STEPS(KILN_X)
#undef KILN_X
};

const StepWords& words(Step step) {
  const auto number = static_cast<uint32_t>(step);
  return kWords.at(is_step(number) ? number : 0);
}

}  // namespace

bool is_step(uint32_t number) { return number < kWords.size(); }

std::string_view step_name(Step step) { return words(step).name; }

Error describe(const StepFailure& failure) {
  const StepWords& step = words(failure.step);
  std::string what = std::string(step.what) + " (step " + std::string(step.name);
  if (failure.index >= 0) what += ", number " + std::to_string(failure.index);
  Error error = errno_error(ErrorCode::sandbox, what + ")", failure.error);
  if (failure.error == 0) error.cause.clear();
  error.hint = step.hint;
  error.field = step.name;
  if (failure.index >= 0) error.field += "." + std::to_string(failure.index);
  return error;
}

}  // namespace kiln::sandbox
