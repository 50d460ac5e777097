#include "core/restart_policy.h"

#include <gtest/gtest.h>

namespace kiln::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr RestartOptions kOptions{3, seconds(10), milliseconds(100), milliseconds(250)};
constexpr MonoTime kStart{seconds(1'000)};

TEST(RestartPolicy, WaitsLongerEachTimeUpToTheMaximum) {
  RestartPolicy policy(kOptions);
  EXPECT_EQ(policy.failed(kStart), milliseconds(100));
  EXPECT_EQ(policy.failed(kStart + seconds(1)), milliseconds(200));
  EXPECT_EQ(policy.failed(kStart + seconds(2)), milliseconds(250));
}

TEST(RestartPolicy, GivesUpAboveTheLimitWithinTheWindow) {
  RestartPolicy policy(kOptions);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(policy.failed(kStart + seconds(i)).has_value());
  EXPECT_FALSE(policy.failed(kStart + seconds(9)).has_value());
}

TEST(RestartPolicy, ForgetsFailuresOlderThanTheWindow) {
  RestartPolicy policy(kOptions);
  for (int i = 0; i < 3; ++i) policy.failed(kStart + seconds(i));
  // The first one is exactly a window ago, and no longer counts.
  EXPECT_EQ(policy.failed(kStart + seconds(10)), milliseconds(250));
  EXPECT_EQ(policy.recent(), 3U);
  EXPECT_EQ(policy.failed(kStart + seconds(60)), milliseconds(100));
}

}  // namespace
}  // namespace kiln::core
