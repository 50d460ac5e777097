#include "actors/program_cache.h"

#include <gtest/gtest.h>

namespace kiln::actors {
namespace {

TaskId id(uint8_t n) { return TaskId{{n}}; }
model::Bytes bytes(size_t size) { return std::make_shared<std::string>(size, 'p'); }

TEST(ProgramCache, DropsTheLeastRecentlyUsedAboveItsBound) {
  ProgramCache cache(10);
  cache.put(id(1), bytes(4));
  cache.put(id(2), bytes(4));
  ASSERT_NE(cache.find(id(1)), nullptr);
  cache.put(id(3), bytes(4));
  EXPECT_NE(cache.find(id(1)), nullptr);
  EXPECT_EQ(cache.find(id(2)), nullptr);
  EXPECT_NE(cache.find(id(3)), nullptr);
  EXPECT_EQ(cache.bytes(), 8U);
}

TEST(ProgramCache, ReplacesWithoutCountingTwice) {
  ProgramCache cache(10);
  cache.put(id(1), bytes(4));
  cache.put(id(1), bytes(6));
  EXPECT_EQ(cache.bytes(), 6U);
  EXPECT_EQ(cache.find(id(1))->size(), 6U);
}

TEST(ProgramCache, DoesNotKeepWhatIsLargerThanItsBound) {
  ProgramCache cache(10);
  cache.put(id(1), bytes(4));
  cache.put(id(2), bytes(11));
  EXPECT_EQ(cache.find(id(2)), nullptr);
  EXPECT_NE(cache.find(id(1)), nullptr);
}

}  // namespace
}  // namespace kiln::actors
