#include "core/due_times.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace kiln::core {
namespace {

WallTime at(int64_t seconds) { return wall_from_micros(seconds * 1'000'000); }
TaskId task(uint8_t number) {
  TaskId id;
  id.bytes[15] = number;
  return id;
}
std::vector<std::pair<uint8_t, uint64_t>> taken(DueTimes& times, WallTime now) {
  std::vector<std::pair<uint8_t, uint64_t>> out;
  for (const Due& due : times.take_due(now)) out.emplace_back(due.id.bytes[15], due.version);
  return out;
}
using Taken = std::vector<std::pair<uint8_t, uint64_t>>;

TEST(DueTimesTest, GivesEachOnceByDueTime) {
  DueTimes times;
  EXPECT_EQ(times.next(), std::nullopt);
  times.schedule(task(1), 1, at(30));
  times.schedule(task(2), 5, at(10));
  times.schedule(task(3), 2, at(20));
  EXPECT_EQ(times.next(), at(10));
  EXPECT_EQ(taken(times, at(9)), Taken{});
  EXPECT_EQ(taken(times, at(20)), (Taken{{2, 5}, {3, 2}}));
  EXPECT_EQ(times.next(), at(30));
  EXPECT_EQ(taken(times, at(1'000)), (Taken{{1, 1}}));
  EXPECT_EQ(taken(times, at(1'000)), Taken{});
  EXPECT_EQ(times.size(), 0U);
  EXPECT_EQ(times.entries(), 0U);
}

TEST(DueTimesTest, EqualTimesKeepTheirOrder) {
  DueTimes times;
  for (uint8_t i = 1; i <= 5; ++i) times.schedule(task(i), i, at(10));
  EXPECT_EQ(taken(times, at(10)), (Taken{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}));
}

TEST(DueTimesTest, ANewerVersionReplacesTheOlder) {
  DueTimes times;
  times.schedule(task(1), 1, at(10));
  times.schedule(task(1), 2, at(50));
  EXPECT_EQ(times.next(), at(50)) << "the replaced one is no reason to wake up";
  EXPECT_EQ(taken(times, at(10)), Taken{});
  times.schedule(task(1), 1, at(5));  // arrives late
  EXPECT_EQ(times.next(), at(50));
  times.schedule(task(1), 3, at(20));
  EXPECT_EQ(taken(times, at(100)), (Taken{{1, 3}}));
}

TEST(DueTimesTest, TheSameVersionAgainMovesIt) {
  DueTimes times;
  times.schedule(task(1), 1, at(10));
  times.schedule(task(1), 1, at(10));
  times.schedule(task(1), 1, at(20));
  EXPECT_EQ(times.next(), at(20));
  EXPECT_EQ(taken(times, at(100)), (Taken{{1, 1}}));
}

TEST(DueTimesTest, ReplacedEntriesStayWithinTheirBound) {
  DueTimes times;
  // Each replaces an earlier due time by a later one and the other way round.
  for (uint64_t i = 0; i < 100'000; ++i) {
    times.schedule(task(static_cast<uint8_t>(i % 10)), i, at(static_cast<int64_t>(i * 7919 % 977)));
    ASSERT_LE(times.entries(), 2 * times.size() + DueTimes::kSlack);
  }
  EXPECT_EQ(times.size(), 10U);
  EXPECT_EQ(times.take_due(at(1'000)).size(), 10U);
  EXPECT_EQ(times.entries(), 0U);
}

TEST(DueTimesTest, AgreesWithAPlainMap) {
  Random random(3);
  DueTimes times;
  std::map<uint8_t, std::pair<uint64_t, int64_t>> model;  // task -> version, due
  int64_t now = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (uniform(random, 4) != 0) {
      const auto number = static_cast<uint8_t>(uniform(random, 50));
      const uint64_t version = uniform(random, 1'000);
      const int64_t due = now + static_cast<int64_t>(uniform(random, 100));
      times.schedule(task(number), version, at(due));
      const auto found = model.find(number);
      if (found == model.end() || found->second.first <= version) model[number] = {version, due};
    } else {
      now += static_cast<int64_t>(uniform(random, 20));
      std::map<uint8_t, uint64_t> expected, got;
      for (auto it = model.begin(); it != model.end();) {
        if (it->second.second > now) {
          ++it;
          continue;
        }
        expected[it->first] = it->second.first;
        it = model.erase(it);
      }
      for (const auto& [number, version] : taken(times, at(now))) got[number] = version;
      ASSERT_EQ(got, expected) << "step " << step;
    }
    ASSERT_EQ(times.size(), model.size());
  }
}

}  // namespace
}  // namespace kiln::core
