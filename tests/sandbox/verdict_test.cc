#include "sandbox/verdict.h"

#include <gmock/gmock.h>

#include <csignal>

namespace kiln::sandbox {
namespace {

using model::LimitHit;
using model::Verdict;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int32_t kExit0 = 0;
constexpr int32_t kExit3 = 3 << 8;
constexpr int32_t kKilled = SIGKILL;

wire::Finished ended(int32_t status, uint32_t causes = 0) {
  wire::Finished finished;
  finished.wait_status = status;
  finished.causes = causes;
  finished.started_us = 1'000;
  return finished;
}

TEST(VerdictTest, TheProgramsOwnEnd) {
  EXPECT_EQ(judge(ended(kExit0), false), Verdict::ok);
  EXPECT_EQ(judge(ended(kExit3), false), Verdict::nonzero_exit);
  EXPECT_EQ(judge(ended(kKilled), false), Verdict::signaled);
}

TEST(VerdictTest, TheOrderIsInfrastructureCancelledMemoryTimeOutputExit) {
  // All at once; each verdict's causes are then taken away in turn.
  wire::Finished finished = ended(kExit3, ~0U);
  finished.failure = {Step::teardown, EBUSY, -1};
  EXPECT_EQ(judge(finished, true), Verdict::infrastructure_error);
  finished.failure = {};
  EXPECT_EQ(judge(finished, true), Verdict::cancelled);
  finished.causes &= ~uint32_t{wire::kCancelled};
  EXPECT_EQ(judge(finished, true), Verdict::cancelled);
  finished.causes &= ~uint32_t{wire::kShutdown};
  EXPECT_EQ(judge(finished, true), Verdict::memory_limit);
  finished.causes &= ~uint32_t{wire::kMemory};
  EXPECT_EQ(judge(finished, true), Verdict::wall_timeout);
  finished.causes &= ~uint32_t{wire::kWall};
  EXPECT_EQ(judge(finished, true), Verdict::cpu_timeout);
  finished.causes &= ~uint32_t{wire::kCpu};
  EXPECT_EQ(judge(finished, true), Verdict::soft_timeout);
  finished.causes &= ~uint32_t{wire::kSoft};
  EXPECT_EQ(judge(finished, true), Verdict::output_limit);
  finished.causes = 0;
  EXPECT_EQ(judge(finished, true), Verdict::output_limit);
  EXPECT_EQ(judge(finished, false), Verdict::nonzero_exit);
}

TEST(VerdictTest, ASoftSignalIsATimeoutWhateverTheExitCode) {
  EXPECT_EQ(judge(ended(kExit0, wire::kSoft), false), Verdict::soft_timeout);
}

TEST(VerdictTest, AnEndThatNobodySawIsNotASuccess) {
  EXPECT_EQ(judge(ended(-1), false), Verdict::infrastructure_error);
  EXPECT_NE(make_result(ended(-1), {}).message, "");
}

TEST(VerdictTest, ExitCodeOrSignalIsToldBesideAnyVerdict) {
  const model::TaskResult soft = make_result(ended(kExit3, wire::kSoft), {});
  EXPECT_EQ(soft.exit_code, 3);
  EXPECT_EQ(soft.signal, std::nullopt);
  const model::TaskResult wall = make_result(ended(kKilled, wire::kWall), {});
  EXPECT_EQ(wall.exit_code, std::nullopt);
  EXPECT_EQ(wall.signal, SIGKILL);
  const model::TaskResult lost = make_result(ended(-1, wire::kCancelled), {});
  EXPECT_FALSE(lost.exit_code || lost.signal);
}

TEST(VerdictTest, CountersThatAreNotThereAreNull) {
  wire::Finished finished = ended(kExit0);
  finished.cpu_us = 0;
  finished.memory_rss_bytes = 4096;
  CellFacts facts;
  facts.requested_us = 400;
  const model::Cost cost = make_result(finished, std::move(facts)).cost;
  EXPECT_EQ(cost.setup_us, 600);
  EXPECT_EQ(cost.cpu_us, 0);
  EXPECT_EQ(cost.memory_rss_bytes, 4096);
  EXPECT_EQ(cost.memory_charged_bytes, std::nullopt);
  EXPECT_EQ(cost.peak_processes, std::nullopt);
}

TEST(VerdictTest, WhatNeverStartedCostNothing) {
  wire::Finished finished = ended(-1, wire::kCancelled);
  finished.started_us = 0;
  CellFacts facts;
  facts.requested_us = 400;
  EXPECT_EQ(make_result(finished, std::move(facts)).cost.setup_us, 0);
}

TEST(VerdictTest, LimitsHitAreListed) {
  wire::Finished finished = ended(kExit0);
  finished.limits_hit = 1U << static_cast<uint32_t>(LimitHit::processes);
  CellFacts facts;
  facts.err.truncated = true;
  EXPECT_THAT(make_result(finished, std::move(facts)).limits_hit,
              ElementsAre(LimitHit::processes, LimitHit::output));
}

TEST(VerdictTest, MessagesNameTheLimit) {
  CellFacts facts;
  facts.limits.wall_ms = 1'500;
  EXPECT_THAT(make_result(ended(kKilled, wire::kWall), facts).message, HasSubstr("1.500 s"));
  facts.limits.memory_bytes = 64 * model::kMB;
  EXPECT_THAT(make_result(ended(kKilled, wire::kMemory), facts).message, HasSubstr("64 MB"));
  EXPECT_EQ(make_result(ended(kExit0), facts).message, "");
}

}  // namespace
}  // namespace kiln::sandbox
