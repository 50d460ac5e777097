#include "cli/receipt.h"

#include <gtest/gtest.h>

#include "cli/base64.h"
#include "cli/exit_codes.h"
#include "model/limits.h"

namespace kiln::cli {
namespace {

using model::Verdict;

model::TaskResult result_of(Verdict verdict) {
  model::TaskResult result;
  result.verdict = verdict;
  result.cost.wall_us = 21'400;
  result.cost.setup_us = 1'250;
  return result;
}

TEST(Receipt, TellsWhatItCost) {
  model::TaskResult result = result_of(Verdict::ok);
  result.exit_code = 0;
  result.cost.cpu_us = 15'000;
  result.cost.memory_charged_bytes = 2 * model::kMB;
  result.cost.memory_rss_bytes = 9 * model::kMB + model::kMB / 2;
  EXPECT_EQ(receipt(result), "ok, wall 0.021 s, cpu 0.015 s, peak memory 9.5 MB, set-up 1.2 ms");
}

TEST(Receipt, LeavesOutWhatWasNotCounted) {
  EXPECT_EQ(receipt(result_of(Verdict::none)), "none, wall 0.021 s, set-up 1.2 ms");
}

TEST(Receipt, TellsHowItEnded) {
  model::TaskResult result = result_of(Verdict::nonzero_exit);
  result.exit_code = 3;
  EXPECT_EQ(receipt(result).substr(0, 26), "nonzero_exit (exit code 3)");
  result = result_of(Verdict::memory_limit);
  result.signal = 9;
  result.limits_hit = {model::LimitHit::memory, model::LimitHit::disk};
  result.weak_isolation = true;
  result.message = "killed at 16 MB";
  EXPECT_EQ(receipt(result),
            "memory_limit (SIGKILL), wall 0.021 s, set-up 1.2 ms, limits hit: memory disk, "
            "weak_isolation: killed at 16 MB");
}

TEST(Receipt, TellsWhatWasCut) {
  EXPECT_EQ(cut_note("standard output", {"abc", 0, false}), "");
  EXPECT_EQ(cut_note("standard output", {"abc", 7, true}),
            "standard output was cut: 7 bytes beyond the first 3 were dropped");
}

TEST(ExitCode, OfEveryVerdict) {
  const auto code = [](Verdict verdict) { return exit_code_of(result_of(verdict)); };
  EXPECT_EQ(code(Verdict::ok), 0);
  EXPECT_EQ(code(Verdict::wall_timeout), 124);
  EXPECT_EQ(code(Verdict::cpu_timeout), 124);
  EXPECT_EQ(code(Verdict::soft_timeout), 124);
  EXPECT_EQ(code(Verdict::memory_limit), 137);
  EXPECT_EQ(code(Verdict::output_limit), 1);
  EXPECT_EQ(code(Verdict::compile_error), 1);
  EXPECT_EQ(code(Verdict::cancelled), 130);
  EXPECT_EQ(code(Verdict::infrastructure_error), 125);
  EXPECT_EQ(code(Verdict::none), 125);
}

TEST(ExitCode, OfTheProgram) {
  model::TaskResult result = result_of(Verdict::nonzero_exit);
  result.exit_code = 42;
  EXPECT_EQ(exit_code_of(result), 42);
  result = result_of(Verdict::signaled);
  result.signal = 11;
  EXPECT_EQ(exit_code_of(result), 139);
}

TEST(ExitCode, OfErrors) {
  const auto code = [](ErrorCode error) { return exit_code_of(Error{error, "", "", "", ""}); };
  for (const ErrorCode theirs : {ErrorCode::invalid_argument, ErrorCode::unknown_language,
                                 ErrorCode::too_large, ErrorCode::not_found, ErrorCode::conflict}) {
    EXPECT_EQ(code(theirs), 2) << to_string(theirs);
  }
  for (const ErrorCode ours : {ErrorCode::unavailable, ErrorCode::timeout, ErrorCode::io_error,
                               ErrorCode::sandbox, ErrorCode::internal, ErrorCode::busy}) {
    EXPECT_EQ(code(ours), 125) << to_string(ours);
  }
}

TEST(Base64, VectorsOfTheRfc) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

}  // namespace
}  // namespace kiln::cli
