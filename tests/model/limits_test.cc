#include "model/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace kiln::model {
namespace {

using ::testing::HasSubstr;

TEST(LimitsTest, NothingAskedGivesTheDefaults) {
  EXPECT_TRUE(LimitsRequest().empty());
  EXPECT_EQ(resolve_limits({}), Limits());
  EXPECT_EQ(Limits().wall_ms, 120'000);
  EXPECT_EQ(Limits().soft_ms, 90'000);
  EXPECT_EQ(Limits().memory_bytes, int64_t{1'024} * 1'024 * 1'024);
  EXPECT_EQ(Limits().processes, 10);
}

TEST(LimitsTest, BelowOneIsRefusedForEveryLimit) {
  for (const LimitField& field : limit_fields()) {
    for (const int64_t value : {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::min()}) {
      LimitsRequest request;
      const Status done = request.set(field.name, value);
      ASSERT_FALSE(done) << field.name;
      EXPECT_EQ(done.error().code, ErrorCode::invalid_argument);
      EXPECT_EQ(done.error().field, "limits." + std::string(field.name));
      EXPECT_THAT(done.error().message, HasSubstr(std::to_string(value)));
      EXPECT_TRUE(request.empty());
    }
  }
}

TEST(LimitsTest, HugeValuesAreClampedForEveryLimit) {
  for (const LimitField& field : limit_fields()) {
    LimitsRequest request;
    for (const int64_t value : {std::numeric_limits<int64_t>::max(),
                                std::numeric_limits<int64_t>::max() - 1, field.maximum + 1}) {
      ASSERT_TRUE(request.set(field.name, value));
      EXPECT_EQ(request.get(field.name), value);
      EXPECT_EQ(resolve_limits(request).*field.member, field.maximum) << field.name;
    }
  }
}

TEST(LimitsTest, EachLimitSetsItsOwnMember) {
  for (const LimitField& field : limit_fields()) {
    LimitsRequest request;
    ASSERT_TRUE(request.set(field.name, 1));
    EXPECT_FALSE(request.empty());
    const Limits limits = resolve_limits(request);
    for (const LimitField& other : limit_fields()) {
      if (other.name == field.name) {
        EXPECT_EQ(limits.*other.member, 1) << field.name;
      } else if (field.name != "wall_ms") {  // the soft limit follows that one
        EXPECT_EQ(limits.*other.member, Limits().*other.member) << field.name << other.name;
      }
    }
  }
}

TEST(LimitsTest, AnUnknownNameIsToldWithTheKnownOnes) {
  LimitsRequest request;
  const Status done = request.set("memory", 5);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().field, "limits.memory");
  EXPECT_THAT(done.error().hint, HasSubstr("memory_bytes"));
  EXPECT_EQ(request.get("memory"), std::nullopt);
}

Limits with_wall(int64_t wall_ms) {
  LimitsRequest request;
  EXPECT_TRUE(request.set("wall_ms", wall_ms));
  return resolve_limits(request);
}

TEST(LimitsTest, TheSoftLimitFollowsTheHardOne) {
  EXPECT_EQ(with_wall(10'000).soft_ms, 7'500);
  EXPECT_EQ(with_wall(9'999).soft_ms, 0);
  EXPECT_EQ(with_wall(1).soft_ms, 0);
  EXPECT_EQ(with_wall(600'000).soft_ms, 450'000);
  LimitsRequest both;
  ASSERT_TRUE(both.set("wall_ms", 5'000));
  ASSERT_TRUE(both.set("soft_ms", 1'000));
  EXPECT_EQ(resolve_limits(both).soft_ms, 1'000);
}

TEST(LimitsTest, TheCpuLimitIsAtLeastTheHardLimit) {
  EXPECT_EQ(with_wall(600'000).cpu_ms, 600'000);
  EXPECT_EQ(with_wall(1'000).cpu_ms, 120'000);
  LimitsRequest asked;
  ASSERT_TRUE(asked.set("wall_ms", 600'000));
  ASSERT_TRUE(asked.set("cpu_ms", 10));
  EXPECT_EQ(resolve_limits(asked).cpu_ms, 10);
}

}  // namespace
}  // namespace kiln::model
