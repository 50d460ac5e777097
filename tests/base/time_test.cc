#include "base/time.h"

#include <gtest/gtest.h>

namespace kiln {
namespace {

TEST(TimeTest, FormatsUtcWithMilliseconds) {
  EXPECT_EQ(format_utc(wall_from_micros(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_utc(wall_from_micros(1'767'323'045'678'999)), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(format_utc(wall_from_micros(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(TimeTest, MicrosecondsComeBack) {
  for (const int64_t us : {int64_t{0}, int64_t{-5}, int64_t{1'767'323'045'678'999}}) {
    EXPECT_EQ(to_micros(wall_from_micros(us)), us);
    EXPECT_EQ(to_micros(mono_from_micros(us)), us);
  }
}

TEST(TimeTest, TheMonotonicClockDoesNotGoBack) {
  const Now first = real_now();
  const Now second = real_now();
  EXPECT_GE(second.mono, first.mono);
  EXPECT_GT(to_micros(first.wall), 1'700'000'000'000'000);
}

}  // namespace
}  // namespace kiln
