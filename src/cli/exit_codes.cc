#include "cli/exit_codes.h"

#include "cli/console.h"

namespace kiln::cli {

int exit_code_of(const model::TaskResult& result) {
  switch (result.verdict) {
    case model::Verdict::ok:
    case model::Verdict::nonzero_exit:
      return result.exit_code.value_or(kExitOk);
    case model::Verdict::signaled:
      return kExitSignalBase + result.signal.value_or(0);
    case model::Verdict::wall_timeout:
    case model::Verdict::cpu_timeout:
    case model::Verdict::soft_timeout:
      return kExitTimeout;
    case model::Verdict::memory_limit:
      return kExitMemory;
    case model::Verdict::output_limit:
    case model::Verdict::compile_error:
    case model::Verdict::wrong_answer:
      return kExitProgram;
    case model::Verdict::cancelled:
      return kExitCancelled;
    case model::Verdict::checker_error:
    case model::Verdict::infrastructure_error:
    case model::Verdict::none:
      return kExitFailure;
  }
  return kExitFailure;
}

// A cancelled task may have the result of an attempt before.
int exit_code_of(const net::TaskInfo& task, const std::optional<model::TaskResult>& result) {
  if (task.state == model::TaskState::cancelled) return kExitCancelled;
  return result ? exit_code_of(*result) : kExitFailure;
}

int exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::unknown_language:
    case ErrorCode::too_large:
    case ErrorCode::not_found:
    case ErrorCode::conflict:
    case ErrorCode::unsupported:
      return kExitUsage;
    default:
      return kExitFailure;
  }
}

int fail(const Error& error) {
  say(error.text());
  return exit_code_of(error);
}

}  // namespace kiln::cli
