#include "actors/watches.h"

#include <gtest/gtest.h>

namespace kiln::actors {
namespace {

const TaskId kOne{{1}};
const TaskId kTwo{{2}};

core::StreamNews watch(const std::string& route, const TaskId& id) {
  return core::Watch{{route, 7, "default"}, id, 40, 3};
}
core::StreamNews ended(const TaskId& id) {
  core::TaskEnded news;
  news.row.id = id;
  return news;
}

TEST(Watches, SubscribesEveryoneAgainUnderNoNumber) {
  Watches watches;
  watches.note(watch("a", kOne));
  watches.note(watch("b", kOne));
  const auto commands = watches.again();
  ASSERT_EQ(commands.size(), 3U);
  EXPECT_EQ(std::get<core::Unwatched>(commands[0]).id, kOne);
  for (size_t i = 1; i < 3; ++i) {
    const auto& subscribe = std::get<core::Subscribe>(commands[i]);
    EXPECT_EQ(subscribe.id, kOne);
    EXPECT_EQ(subscribe.offset, 0U);
    EXPECT_EQ(subscribe.client.rid, kNoAnswer);
    EXPECT_EQ(subscribe.client.tenant, "default");
  }
}

TEST(Watches, ForgetsTasksThatEndedAndClientsThatLeft) {
  Watches watches;
  watches.note(watch("a", kOne));
  watches.note(watch("a", kTwo));
  watches.note(watch("b", kTwo));
  watches.note(ended(kOne));
  EXPECT_EQ(watches.size(), 2U);
  watches.note(core::Unwatch{"a", std::nullopt});
  EXPECT_EQ(watches.size(), 1U);
  watches.note(core::Unwatch{"b", kTwo});
  EXPECT_EQ(watches.size(), 0U);
  EXPECT_TRUE(watches.again().empty());
}

TEST(Watches, CountsAClientThatWatchesTwiceOnce) {
  Watches watches;
  watches.note(watch("a", kOne));
  watches.note(watch("a", kOne));
  EXPECT_EQ(watches.size(), 1U);
}

}  // namespace
}  // namespace kiln::actors
