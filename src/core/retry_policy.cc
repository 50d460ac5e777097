#include "core/retry_policy.h"

#include <algorithm>

namespace kiln::core {
namespace {

using model::RetryReason;
using model::TaskState;

bool allows(const Retries& retries, RetryReason reason) {
  return !retries.wait && (retries.on >> static_cast<uint32_t>(reason) & 1U) != 0;
}

int64_t random_up_to(int64_t most, Random& random) {
  return static_cast<int64_t>(uniform(random, static_cast<uint64_t>(most) + 1));
}

}  // namespace

Duration backoff(uint32_t retry, Duration first, Jitter jitter, Random& random) {
  int64_t base = first.count();
  for (uint32_t i = 1; i < retry && base < kMaxBackoff.count(); ++i) base *= kBackoffFactor;
  if (jitter == Jitter::full) {
    return Duration(random_up_to(std::min(base, kMaxBackoff.count()), random));
  }
  const int64_t vary = base * kJitterPercent / 100;
  return std::min(Duration(base - vary + random_up_to(2 * vary, random)), kMaxBackoff);
}

NextStep after_verdict(model::Verdict verdict, const Retries& retries, Random& random) {
  if (verdict == model::Verdict::ok) return NextStep{TaskState::succeeded, std::nullopt, {}};
  const std::optional<RetryReason> reason = model::retry_reason_of(verdict);
  if (!reason || !allows(retries, *reason)) return NextStep{TaskState::failed, std::nullopt, {}};
  // Who allows no retry at all has used none up.
  if (retries.max == 0) return NextStep{TaskState::failed, std::nullopt, {}};
  if (retries.used >= retries.max) return NextStep{TaskState::dead, reason, {}};
  return NextStep{TaskState::retrying, reason,
                  backoff(retries.used + 1, retries.first, retries.jitter, random)};
}

}  // namespace kiln::core
