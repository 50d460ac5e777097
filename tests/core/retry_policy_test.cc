#include "core/retry_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

namespace kiln::core {
namespace {

using model::RetryReason;
using model::TaskState;
using model::Verdict;
using std::chrono::seconds;

constexpr uint32_t bits(std::initializer_list<RetryReason> reasons) {
  uint32_t on = 0;
  for (const RetryReason reason : reasons) on |= 1U << static_cast<uint32_t>(reason);
  return on;
}
constexpr uint32_t kDefaultOn =
    bits({RetryReason::timeout, RetryReason::memory, RetryReason::os_error});

NextStep after(Verdict verdict, uint32_t used = 0, uint32_t on = kDefaultOn, bool wait = false) {
  Random random(1);
  return after_verdict(verdict, Retries{used, 3, on, wait}, random);
}

struct Range {
  Duration least = Duration::max();
  Duration most = Duration::min();
};
Range range_of(uint32_t retry, Jitter jitter) {
  Random random(7);
  Range range;
  for (int i = 0; i < 2'000; ++i) {
    const Duration wait = backoff(retry, kFirstBackoff, jitter, random);
    range.least = std::min(range.least, wait);
    range.most = std::max(range.most, wait);
  }
  return range;
}

TEST(Backoff, GrowsFivefoldWithATenthOfJitter) {
  for (const auto& [retry, base] : {std::pair{1U, 5}, {2U, 25}, {3U, 125}}) {
    const Range range = range_of(retry, Jitter::tenth);
    EXPECT_GE(range.least, Duration(seconds(base)) * 9 / 10);
    EXPECT_LE(range.least, Duration(seconds(base)) * 91 / 100);
    EXPECT_LE(range.most, Duration(seconds(base)) * 11 / 10);
    EXPECT_GE(range.most, Duration(seconds(base)) * 109 / 100);
  }
}

TEST(Backoff, NeverExceedsTheCap) {
  for (const uint32_t retry : {4U, 5U, 20U, 4'000'000'000U}) {
    const Range range = range_of(retry, Jitter::tenth);
    EXPECT_LE(range.most, kMaxBackoff);
    EXPECT_GE(range.least, kMaxBackoff * 9 / 10);
    EXPECT_LE(range_of(retry, Jitter::full).most, kMaxBackoff);
  }
}

TEST(Backoff, FullJitterSpreadsFromZero) {
  const Range range = range_of(2, Jitter::full);
  EXPECT_LT(range.least, seconds(1));
  EXPECT_GT(range.most, seconds(24));
  EXPECT_LE(range.most, seconds(25));
}

TEST(AfterVerdict, OkSucceeds) { EXPECT_EQ(after(Verdict::ok).state, TaskState::succeeded); }

TEST(AfterVerdict, RetriesWhatTheTaskAllows) {
  for (const Verdict v : {Verdict::wall_timeout, Verdict::cpu_timeout, Verdict::soft_timeout,
                          Verdict::memory_limit, Verdict::infrastructure_error}) {
    const NextStep next = after(v);
    EXPECT_EQ(next.state, TaskState::retrying) << to_string(v);
    EXPECT_EQ(next.reason, model::retry_reason_of(v));
    EXPECT_GT(next.delay, seconds(4));
  }
}

TEST(AfterVerdict, FailsWhereNoRetryIsAllowed) {
  for (const Verdict v : {Verdict::nonzero_exit, Verdict::signaled, Verdict::output_limit,
                          Verdict::compile_error, Verdict::wrong_answer, Verdict::checker_error}) {
    EXPECT_EQ(after(v).state, TaskState::failed) << to_string(v);
  }
  EXPECT_EQ(after(Verdict::nonzero_exit, 0, bits({RetryReason::nonzero_exit})).state,
            TaskState::retrying);
}

TEST(AfterVerdict, DiesWhenRetriesAreUsedUp) {
  EXPECT_EQ(after(Verdict::wall_timeout, 2).state, TaskState::retrying);
  EXPECT_EQ(after(Verdict::wall_timeout, 3).state, TaskState::dead);
}

// It has none to use up, so it is no dead letter.
TEST(AfterVerdict, FailsWhenTheTaskAllowsNoRetryAtAll) {
  Random random(1);
  const Retries none{0, 0, kDefaultOn, false};
  EXPECT_EQ(after_verdict(Verdict::wall_timeout, none, random).state, TaskState::failed);
}

TEST(AfterVerdict, AWaitingClientAllowsNoRetry) {
  EXPECT_EQ(after(Verdict::infrastructure_error, 0, kDefaultOn, true).state, TaskState::failed);
  EXPECT_EQ(after(Verdict::wall_timeout, 0, kDefaultOn, true).state, TaskState::failed);
}

}  // namespace
}  // namespace kiln::core
