#include "base/ids.h"

#include <gtest/gtest.h>

#include <set>
#include <unordered_set>

namespace kiln {
namespace {

TEST(IdsTest, AreUuidsOfVersion7WithTheTimeInFront) {
  Random random(1);
  const TaskId id = make_id<TaskId>(wall_from_micros(0x0123456789AB * int64_t{1000} + 999), random);
  const std::string text = to_string(id);
  EXPECT_EQ(text.substr(0, 13), "01234567-89ab");
  EXPECT_EQ(text[14], '7');                                          // version
  EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);  // variant
}

TEST(IdsTest, DifferWithinOneMillisecond) {
  Random random(2);
  std::set<TaskId> ids;
  for (int i = 0; i < 10'000; ++i) ids.insert(make_id<TaskId>(wall_from_micros(5), random));
  EXPECT_EQ(ids.size(), 10'000U);
}

TEST(IdsTest, TextComesBack) {
  const std::string text = "0190a6c1-7e5d-7abc-8def-0123456789ab";
  const auto id = parse_id<TaskId>(text);
  ASSERT_TRUE(id);
  EXPECT_EQ(to_string(*id), text);
  EXPECT_EQ(parse_id<TaskId>("0190A6C1-7E5D-7ABC-8DEF-0123456789AB"), id);
}

TEST(IdsTest, AnythingElseIsNone) {
  const std::string good = "0190a6c1-7e5d-7abc-8def-0123456789ab";
  for (const std::string& text :
       {std::string(), good.substr(1), good + "0", "{" + good + "}", " " + good.substr(1),
        std::string("0190a6c17e5d7abc8def0123456789ab"),
        std::string("0190a6c1-7e5d-7abc-8def-0123456789ag"),
        std::string("0190a6c1-7e5d-7abc-8def+0123456789ab"),
        std::string("0190a6c17-e5d-7abc-8def-0123456789ab"), std::string(36, '-'),
        std::string(36, '\0'), "0190a6c1-7e5d-7abc-8def-0123456789" + std::string("\xC3\xA9")}) {
    EXPECT_EQ(parse_uuid(text), std::nullopt) << text;
  }
}

TEST(IdsTest, NilIsAllZeros) {
  EXPECT_TRUE(TaskId{}.is_nil());
  EXPECT_TRUE(parse_id<TaskId>("00000000-0000-0000-0000-000000000000")->is_nil());
  EXPECT_FALSE(parse_id<TaskId>("00000000-0000-0000-0000-000000000001")->is_nil());
}

TEST(IdsTest, HashesSpread) {
  Random random(3);
  std::unordered_set<size_t> hashes;
  for (int i = 0; i < 1'000; ++i) {
    hashes.insert(std::hash<TaskId>{}(make_id<TaskId>(wall_from_micros(i), random)));
  }
  EXPECT_EQ(hashes.size(), 1'000U);
}

}  // namespace
}  // namespace kiln
