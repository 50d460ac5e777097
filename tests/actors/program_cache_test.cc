#include "actors/program_cache.h"

#include <gtest/gtest.h>

namespace kiln::actors {
namespace {

TaskId id(uint8_t n) { return TaskId{{n}}; }
const Sha256 kBody{{9}};
model::Bytes bytes(size_t size) { return std::make_shared<std::string>(size, 'p'); }

TEST(ProgramCache, DropsTheLeastRecentlyUsedAboveItsBound) {
  ProgramCache cache(10);
  cache.put(id(1), kBody, bytes(4));
  cache.put(id(2), kBody, bytes(4));
  ASSERT_NE(cache.find(id(1), kBody), nullptr);
  cache.put(id(3), kBody, bytes(4));
  EXPECT_NE(cache.find(id(1), kBody), nullptr);
  EXPECT_EQ(cache.find(id(2), kBody), nullptr);
  EXPECT_NE(cache.find(id(3), kBody), nullptr);
  EXPECT_EQ(cache.bytes(), 8U);
}

TEST(ProgramCache, TellsSubmissionsUnderOneIdApart) {
  ProgramCache cache(20);
  cache.put(id(1), kBody, bytes(4));
  cache.put(id(1), Sha256{{8}}, bytes(6));
  EXPECT_EQ(cache.find(id(1), kBody)->size(), 4U);
  EXPECT_EQ(cache.find(id(1), Sha256{{7}}), nullptr);
}

TEST(ProgramCache, ReplacesWithoutCountingTwice) {
  ProgramCache cache(10);
  cache.put(id(1), kBody, bytes(4));
  cache.put(id(1), kBody, bytes(6));
  EXPECT_EQ(cache.bytes(), 6U);
  EXPECT_EQ(cache.find(id(1), kBody)->size(), 6U);
}

TEST(ProgramCache, DoesNotKeepWhatIsLargerThanItsBound) {
  ProgramCache cache(10);
  cache.put(id(1), kBody, bytes(4));
  cache.put(id(2), kBody, bytes(11));
  EXPECT_EQ(cache.find(id(2), kBody), nullptr);
  EXPECT_NE(cache.find(id(1), kBody), nullptr);
}

}  // namespace
}  // namespace kiln::actors
