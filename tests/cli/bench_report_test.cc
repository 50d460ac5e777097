#include "cli/bench_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace kiln::cli {
namespace {

using std::chrono::milliseconds;

BenchRun run_of(std::vector<Duration> took) {
  BenchRun run{"latency", "noop", "its own", 1, 1, std::move(took), std::chrono::seconds(2), 0};
  run.attempts = run.took.size();
  return run;
}

TEST(BenchReport, PercentilesAreNearestRanks) {
  const std::vector<Duration> sorted = {milliseconds(1), milliseconds(2), milliseconds(3),
                                        milliseconds(10)};
  EXPECT_EQ(percentile(sorted, 0), milliseconds(1));
  EXPECT_EQ(percentile(sorted, 50), milliseconds(2));
  EXPECT_EQ(percentile(sorted, 75), milliseconds(3));
  EXPECT_EQ(percentile(sorted, 99), milliseconds(10));
  EXPECT_EQ(percentile(sorted, 100), milliseconds(10));
}

TEST(BenchReport, FiguresComeFromTheRun) {
  const auto json = nlohmann::json::parse(
      bench_json(run_of({milliseconds(10), milliseconds(1), milliseconds(3), milliseconds(2)})));
  EXPECT_EQ(json["tasks"], 4);
  EXPECT_EQ(json["cells"], 4);
  EXPECT_DOUBLE_EQ(json["tasks_per_second"], 2.0);
  EXPECT_DOUBLE_EQ(json["p50_ms"], 2.0);
  EXPECT_DOUBLE_EQ(json["max_ms"], 10.0);
}

TEST(BenchReport, TheTableHasARowForTheRun) {
  const auto lines = bench_lines(run_of({milliseconds(120)}));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].starts_with("PATTERN"));
  EXPECT_NE(lines[1].find("noop"), std::string::npos);
  EXPECT_NE(lines[1].find("120"), std::string::npos);
}

}  // namespace
}  // namespace kiln::cli
