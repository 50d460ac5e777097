#include "actors/live_output.h"

#include <gtest/gtest.h>

namespace kiln::actors {
namespace {

const model::LeaseRef kLease{TaskId{{1}}, {3, 4}};

std::vector<model::Output> taken(LiveOutput& live) {
  std::vector<model::Output> out;
  live.take(out);
  return out;
}

TEST(LiveOutput, GoesOutAsItComesWhileWatched) {
  LiveOutput live(kLease, true);
  live.add(1, 0, "ab");
  EXPECT_EQ(taken(live), (std::vector<model::Output>{{kLease, 0, 1, "ab"}}));
  EXPECT_TRUE(taken(live).empty());
  live.add(1, 2, "c");
  live.add(2, 3, "!");
  live.add(1, 4, "d");
  EXPECT_EQ(taken(live), (std::vector<model::Output>{
                             {kLease, 2, 1, "c"}, {kLease, 3, 2, "!"}, {kLease, 4, 1, "d"}}));
}

TEST(LiveOutput, IsKeptForWhoWatchesLater) {
  LiveOutput live(kLease, false);
  live.add(1, 0, "early");
  EXPECT_TRUE(taken(live).empty());
  live.watch(true);
  EXPECT_EQ(taken(live), (std::vector<model::Output>{{kLease, 0, 1, "early"}}));
}

TEST(LiveOutput, StartsAgainFromZeroWhenWatchedAnew) {
  LiveOutput live(kLease, true);
  live.add(1, 0, "one");
  taken(live);
  live.watch(false);
  live.add(1, 3, "two");
  EXPECT_TRUE(taken(live).empty());
  live.watch(true);
  EXPECT_EQ(taken(live), (std::vector<model::Output>{{kLease, 0, 1, "onetwo"}}));
}

TEST(LiveOutput, CutsLongOutputIntoChunksWithoutAHole) {
  LiveOutput live(kLease, true);
  const std::string text(kMaxChunkBytes * 2 + 10, 'x');
  live.add(2, 0, text);
  std::string joined;
  for (const model::Output& chunk : taken(live)) {
    EXPECT_EQ(chunk.offset, joined.size());
    EXPECT_LE(chunk.data.size(), kMaxChunkBytes);
    joined += chunk.data;
  }
  EXPECT_EQ(joined, text);
  EXPECT_EQ(live.bytes(), text.size());
}

TEST(LiveOutput, KeepsTheNewestOfManySmallPieces) {
  LiveOutput live(kLease, false);
  const uint64_t pieces = kMaxLiveBytes / 16;
  for (uint64_t i = 0; i < pieces; ++i) live.add(static_cast<uint8_t>(1 + i % 2), i, "x");
  live.watch(true);
  const auto out = taken(live);
  ASSERT_FALSE(out.empty());
  EXPECT_GT(out.front().offset, 0U) << "the oldest is gone";
  EXPECT_EQ(out.back().offset, pieces - 1);
  EXPECT_LT(out.size() * sizeof(model::Output), 4 * kMaxLiveBytes);
}

// A streamer that was started anew has not got what came before.
TEST(LiveOutput, GoesOnAtTheOffsetWhereItBegan) {
  LiveOutput live(kLease, true);
  live.add(1, 100, "late");
  EXPECT_EQ(taken(live), (std::vector<model::Output>{{kLease, 100, 1, "late"}}));
  live.add(1, 110, "after a hole");
  EXPECT_EQ(taken(live), (std::vector<model::Output>{{kLease, 110, 1, "after a hole"}}));
}

}  // namespace
}  // namespace kiln::actors
