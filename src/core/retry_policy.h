// What follows the end of an attempt. Pure rules: the state of the retries and the verdict go in, a
// decision comes out; jitter comes from the generator passed in.
//
// Backoff: the first delay (5 s unless the task or its queue says another), then five times longer
// each time: 5, 25, 125, 625 ... s; each varied by up to 10 % either way (or, as an option,
// anywhere between 0 and that time: "full jitter"), never more than 600 s.
#pragma once

#include <cstdint>
#include <optional>

#include "base/random.h"
#include "base/time.h"
#include "model/states.h"

namespace kiln::core {

inline constexpr Duration kFirstBackoff = std::chrono::seconds(5);
inline constexpr int64_t kBackoffFactor = 5;
inline constexpr Duration kMaxBackoff = std::chrono::seconds(600);
inline constexpr int64_t kJitterPercent = 10;

enum class Jitter : uint8_t { tenth, full };

// How long to wait before retry number `retry` (from 1), if the first waits `first`.
Duration backoff(uint32_t retry, Duration first, Jitter jitter, Random& random);

// What a task allows, and what it has used.
struct Retries {
  uint32_t used = 0;
  uint32_t max = 0;
  uint32_t on = 0;    // bit i = RetryReason i
  bool wait = false;  // somebody waits: only a lost lease is retried
  Duration first = kFirstBackoff;
  Jitter jitter = Jitter::tenth;
};

struct NextStep {
  model::TaskState state = model::TaskState::failed;  // succeeded, failed, dead or retrying
  std::optional<model::RetryReason> reason;           // of a retrying or dead task
  Duration delay{0};                                  // retrying: from now
};
NextStep after_verdict(model::Verdict verdict, const Retries& retries, Random& random);

}  // namespace kiln::core
