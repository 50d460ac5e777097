#include "base/random.h"

#include <gtest/gtest.h>

#include <array>

namespace kiln {
namespace {

TEST(RandomTest, UniformStaysBelowItsBoundAndReachesAll) {
  Random random(1);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7'000; ++i) ++seen.at(uniform(random, seen.size()));
  for (const int count : seen) {
    EXPECT_GT(count, 800);
    EXPECT_LT(count, 1'200);
  }
}

TEST(RandomTest, UniformAtTheEnds) {
  Random random(2);
  EXPECT_EQ(uniform(random, 1), 0U);
  const uint64_t highest = std::numeric_limits<uint64_t>::max();
  for (int i = 0; i < 100; ++i) EXPECT_LT(uniform(random, highest), highest);
}

TEST(RandomTest, TheSameSeedGivesTheSameNumbers) {
  Random a(9), b(9);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(uniform(a, 1'000), uniform(b, 1'000));
}

TEST(RandomTest, SeededGeneratorsDiffer) {
  Random a = seeded_random(), b = seeded_random();
  EXPECT_NE(a(), b());
}

}  // namespace
}  // namespace kiln
