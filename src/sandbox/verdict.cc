#include "sandbox/verdict.h"

#include <sys/wait.h>

#include <array>
#include <string>
#include <utility>

namespace kiln::sandbox {
namespace {

using model::LimitHit;
using model::Verdict;

constexpr int32_t kNotReaped = -1;

struct CauseVerdict {
  uint32_t causes;
  Verdict verdict;
};
// In order: the first with a bit set wins.
constexpr std::array kByCause = {
    CauseVerdict{wire::kCancelled | wire::kShutdown, Verdict::cancelled},
    CauseVerdict{wire::kMemory, Verdict::memory_limit},
    CauseVerdict{wire::kWall, Verdict::wall_timeout},
    CauseVerdict{wire::kCpu, Verdict::cpu_timeout},
    CauseVerdict{wire::kSoft, Verdict::soft_timeout},
    CauseVerdict{wire::kOutput, Verdict::output_limit},
};

Verdict by_wait_status(int status) {
  if (status == kNotReaped) return Verdict::infrastructure_error;
  if (WIFEXITED(status)) return WEXITSTATUS(status) == 0 ? Verdict::ok : Verdict::nonzero_exit;
  return Verdict::signaled;
}

std::optional<int64_t> counter(int64_t value) {
  if (value < 0) return std::nullopt;
  return value;
}

std::string seconds(int64_t ms) {
  std::string text = std::to_string(ms / 1000);
  if (ms % 1000 != 0) text += "." + std::to_string(1000 + ms % 1000).substr(1);
  return text + " s";
}

std::string megabytes(int64_t bytes) {
  if (bytes % model::kMB != 0) return std::to_string(bytes) + " bytes";
  return std::to_string(bytes / model::kMB) + " MB";
}

// What went wrong, for a person; "" where verdict, exit code and signal say it all.
std::string words(Verdict verdict, const wire::Finished& finished, const model::Limits& limits) {
  switch (verdict) {
    case Verdict::infrastructure_error:
      return describe(finished.failure.failed() ? finished.failure
                                                : StepFailure{Step::init_lost, 0, -1})
          .text();
    case Verdict::memory_limit:
      return "needed more than its memory limit of " + megabytes(limits.memory_bytes);
    case Verdict::wall_timeout:
      return "ran longer than its time limit of " + seconds(limits.wall_ms);
    case Verdict::cpu_timeout:
      return "used more than its CPU limit of " + seconds(limits.cpu_ms);
    case Verdict::soft_timeout:
      return "got SIGTERM at its soft time limit of " + seconds(limits.soft_ms) + " and ended";
    case Verdict::output_limit:
      return "wrote far more than its output limit of " + megabytes(limits.output_bytes);
    default:
      return "";
  }
}

std::vector<LimitHit> limits_hit(uint32_t bits) {
  std::vector<LimitHit> out;
  for (size_t i = 0; i < model::kLimitHitCount; ++i) {
    if ((bits >> i & 1U) != 0) out.push_back(static_cast<LimitHit>(i));
  }
  return out;
}

model::Cost cost(const wire::Finished& finished, int64_t requested_us) {
  model::Cost out;
  if (finished.started_us != 0) out.setup_us = finished.started_us - requested_us;
  out.wall_us = finished.wall_us;
  out.cpu_us = counter(finished.cpu_us);
  out.throttled_us = counter(finished.throttled_us);
  out.memory_charged_bytes = counter(finished.memory_charged_bytes);
  out.memory_rss_bytes = counter(finished.memory_rss_bytes);
  out.peak_processes = counter(finished.peak_processes);
  return out;
}

}  // namespace

Verdict judge(const wire::Finished& finished, bool flooded) {
  if (finished.failure.failed()) return Verdict::infrastructure_error;
  const uint32_t causes = finished.causes | (flooded ? wire::kOutput : 0U);
  for (const CauseVerdict& entry : kByCause) {
    if ((causes & entry.causes) != 0) return entry.verdict;
  }
  return by_wait_status(finished.wait_status);
}

model::TaskResult make_result(const wire::Finished& finished, CellFacts facts) {
  model::TaskResult result;
  result.verdict = judge(finished, facts.flooded);
  const int status = finished.wait_status;
  if (status != kNotReaped && WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (status != kNotReaped && WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  uint32_t hit = finished.limits_hit;
  if (facts.out.truncated || facts.err.truncated) {
    hit |= 1U << static_cast<uint32_t>(LimitHit::output);
  }
  result.limits_hit = limits_hit(hit);
  result.cost = cost(finished, facts.requested_us);
  result.message = words(result.verdict, finished, facts.limits);
  result.out = std::move(facts.out);
  result.err = std::move(facts.err);
  return result;
}

}  // namespace kiln::sandbox
