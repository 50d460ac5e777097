#include "model/states.h"

#include "model/words.h"

namespace kiln::model {
namespace {

#define KILN_X(name) #name,
constexpr std::array<std::string_view, kTaskStateCount> kTaskStates = {KILN_TASK_STATES(KILN_X)};
constexpr std::array<std::string_view, kVerdictCount> kVerdicts = {KILN_VERDICTS(KILN_X)};
constexpr std::array<std::string_view, kLimitHitCount> kLimitsHit = {KILN_LIMITS_HIT(KILN_X)};
constexpr std::array<std::string_view, kRetryReasonCount> kReasons = {KILN_RETRY_REASONS(KILN_X)};
#undef KILN_X

}  // namespace

std::string_view to_string(TaskState state) { return kTaskStates.at(static_cast<size_t>(state)); }
std::string_view to_string(Verdict verdict) { return kVerdicts.at(static_cast<size_t>(verdict)); }
std::string_view to_string(LimitHit hit) { return kLimitsHit.at(static_cast<size_t>(hit)); }
std::string_view to_string(RetryReason reason) { return kReasons.at(static_cast<size_t>(reason)); }

std::optional<TaskState> parse_task_state(std::string_view name) {
  return find_word<TaskState>(kTaskStates, name);
}
std::optional<Verdict> parse_verdict(std::string_view name) {
  return find_word<Verdict>(kVerdicts, name);
}
std::optional<LimitHit> parse_limit_hit(std::string_view name) {
  return find_word<LimitHit>(kLimitsHit, name);
}
std::optional<RetryReason> parse_retry_reason(std::string_view name) {
  return find_word<RetryReason>(kReasons, name);
}

std::optional<RetryReason> retry_reason_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::wall_timeout:
    case Verdict::cpu_timeout:
    case Verdict::soft_timeout:
      return RetryReason::timeout;
    case Verdict::memory_limit:
      return RetryReason::memory;
    case Verdict::infrastructure_error:
      return RetryReason::os_error;
    case Verdict::nonzero_exit:
      return RetryReason::nonzero_exit;
    case Verdict::signaled:
      return RetryReason::signaled;
    case Verdict::output_limit:
      return RetryReason::output_limit;
    case Verdict::compile_error:
      return RetryReason::compile_error;
    case Verdict::ok:
    case Verdict::wrong_answer:
    case Verdict::checker_error:
    case Verdict::cancelled:
    case Verdict::none:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace kiln::model
