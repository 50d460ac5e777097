#include "core/stream_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace kiln::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TaskId task(uint8_t number) {
  TaskId id;
  id.bytes[15] = number;
  return id;
}
model::LeaseRef lease(uint8_t number, uint64_t counter = 1) { return {task(number), {1, counter}}; }
ClientRef client(std::string route) { return {std::move(route), 7, "default"}; }
const InstanceId kWorker{{5}};
AttemptStarted attempt(uint8_t number, uint64_t counter = 1) {
  return {kWorker, lease(number, counter), static_cast<uint32_t>(counter)};
}
model::Output output(uint8_t number, uint64_t offset, std::string data, uint8_t stream = 1,
                     uint64_t counter = 1) {
  return {lease(number, counter), offset, stream, std::move(data)};
}

// Events as words: "a: 5 stdout hello".
std::vector<std::string> words(const StreamHub::Events& events) {
  std::vector<std::string> out;
  for (const auto& [to, event] : events) {
    std::string text = to.route + ": ";
    switch (event.kind) {
      case StreamEvent::Kind::output:
        text += std::to_string(event.offset) + (event.stream == 1 ? " stdout " : " stderr ") +
                event.data;
        break;
      case StreamEvent::Kind::attempt:
        text += "attempt " + std::to_string(event.attempt);
        break;
      case StreamEvent::Kind::gap:
        text += "gap " + std::to_string(event.offset);
        break;
      case StreamEvent::Kind::end:
        text += "end " + std::string(model::to_string(event.row.value().state));
        break;
    }
    out.push_back(std::move(text));
  }
  return out;
}

class StreamHubTest : public ::testing::Test {
 protected:
  std::vector<std::string> apply(const StreamNews& news) { return words(hub_.apply(news).events); }
  std::vector<std::string> put(const model::Output& message) {
    return words(hub_.output(kWorker, message));
  }
  StreamHub hub_;
};

TEST_F(StreamHubTest, AnotherWorkerCannotSpeakForALease) {
  apply(Watch{client("a"), task(1), 0, 1});
  apply(attempt(1));
  EXPECT_TRUE(hub_.output(InstanceId{{6}}, output(1, 0, "forged")).empty());
  EXPECT_THAT(put(output(1, 0, "true")), ElementsAre("a: 0 stdout true"));
}

TEST_F(StreamHubTest, TellsWhoWatchesAndHowFarTheyAre) {
  apply(Watch{client("a"), task(1), 0, 1});
  apply(Watch{client("b"), task(2), 0, 2});
  apply(attempt(1));
  put(output(1, 0, "hello"));
  std::map<std::string, uint64_t> offsets;
  for (const Subscribe& one : hub_.subscriptions()) offsets[one.client.route] = one.offset;
  EXPECT_EQ(offsets, (std::map<std::string, uint64_t>{{"a", 5}, {"b", 0}}));
}

TEST_F(StreamHubTest, OutputGoesToEachWatcherAsItComes) {
  EXPECT_THAT(apply(Watch{client("a"), task(1), 0, 1}), IsEmpty());
  EXPECT_THAT(apply(attempt(1)), ElementsAre("a: attempt 1"));
  EXPECT_THAT(put(output(1, 0, "hello")), ElementsAre("a: 0 stdout hello"));
  EXPECT_THAT(apply(Watch{client("b"), task(1), 2, 1}), ElementsAre("b: 2 stdout llo"));
  EXPECT_THAT(put(output(1, 5, "!", 2)), ElementsAre("a: 5 stderr !", "b: 5 stderr !"));
}

TEST_F(StreamHubTest, OutputOfNoOneOrOfAnotherLeaseIsDropped) {
  EXPECT_THAT(put(output(1, 0, "x")), IsEmpty()) << "nobody watches";
  apply(attempt(1));
  EXPECT_EQ(hub_.tasks(), 0U);
  apply(Watch{client("a"), task(1), 0, 1});
  EXPECT_THAT(put(output(1, 0, "x")), IsEmpty()) << "no attempt is known";
  apply(attempt(1, 2));
  EXPECT_THAT(put(output(1, 0, "x", 1, 1)), IsEmpty()) << "stale";
  EXPECT_THAT(apply(attempt(1, 1)), IsEmpty()) << "an older attempt, late";
  EXPECT_THAT(put(output(1, 0, "y", 1, 2)), ElementsAre("a: 0 stdout y"));
}

TEST_F(StreamHubTest, WhatIsKnownAlreadyIsDropped) {
  apply(Watch{client("a"), task(1), 0, 1});
  apply(attempt(1));
  put(output(1, 0, "abcd"));
  EXPECT_THAT(put(output(1, 0, "abcd")), IsEmpty());
  EXPECT_THAT(put(output(1, 2, "cdef")), ElementsAre("a: 4 stdout ef"));
  EXPECT_THAT(put(output(1, 6, "")), IsEmpty());
  EXPECT_THAT(put(output(1, 100, "")), IsEmpty());
  EXPECT_THAT(put(output(1, ~uint64_t{0}, "wraps")), IsEmpty());
  EXPECT_THAT(put(output(1, 6, "g")), ElementsAre("a: 6 stdout g"));
}

TEST_F(StreamHubTest, AHoleIsToldAsAGap) {
  apply(Watch{client("a"), task(1), 0, 1});
  apply(Watch{client("b"), task(1), 12, 1});
  apply(attempt(1));
  put(output(1, 0, "abc"));
  EXPECT_THAT(put(output(1, 10, "xyz")),
              ElementsAre("a: gap 10", "a: 10 stdout xyz", "b: 12 stdout z"));
  EXPECT_THAT(apply(Watch{client("c"), task(1), 0, 1}),
              ElementsAre("c: gap 10", "c: 10 stdout xyz"));
}

TEST_F(StreamHubTest, ANewAttemptStartsFromZero) {
  apply(Watch{client("a"), task(1), 0, 1});
  apply(attempt(1));
  put(output(1, 0, "old"));
  EXPECT_THAT(apply(attempt(1)), IsEmpty()) << "told twice";
  EXPECT_THAT(apply(attempt(1, 2)), ElementsAre("a: attempt 2"));
  EXPECT_THAT(put(output(1, 0, "new", 1, 2)), ElementsAre("a: 0 stdout new"));
  EXPECT_THAT(apply(Watch{client("b"), task(1), 0, 1}), ElementsAre("b: 0 stdout new"));
}

TEST_F(StreamHubTest, AWatcherResumesAtItsOffset) {
  apply(Watch{client("a"), task(1), 4, 1});
  apply(attempt(1));  // as the core tells of a task that runs already
  EXPECT_THAT(put(output(1, 0, "abc")), IsEmpty());
  EXPECT_THAT(put(output(1, 3, "def")), ElementsAre("a: 4 stdout ef"));
  EXPECT_THAT(apply(Watch{client("a"), task(1), 1, 1}), ElementsAre("a: 1 stdout bcdef"))
      << "asked again by the same client";
  EXPECT_THAT(put(output(1, 6, "g")), ElementsAre("a: 6 stdout g"));
}

TEST_F(StreamHubTest, TheRingIsBoundedAndWhatItLostIsAGap) {
  hub_ = StreamHub({.task_bytes = 200'000, .all_bytes = 1'000'000});
  apply(Watch{client("a"), task(1), 0, 1});
  apply(attempt(1));
  uint64_t offset = 0;
  for (int i = 0; i < 20; ++i, offset += 50'000) {
    const auto events = hub_.output(kWorker, output(1, offset, std::string(50'000, 'x')));
    uint64_t got = 0;
    for (const auto& one : events) {
      EXPECT_EQ(one.event.kind, StreamEvent::Kind::output) << "one who keeps up misses nothing";
      EXPECT_EQ(one.event.offset, offset + got);
      got += one.event.data.size();
    }
    EXPECT_EQ(got, 50'000U);
    EXPECT_LE(hub_.held_bytes(), 200'000U);
  }
  const auto late = hub_.apply(Watch{client("b"), task(1), 0, 1}).events;
  ASSERT_FALSE(late.empty());
  EXPECT_EQ(late[0].event.kind, StreamEvent::Kind::gap);
  uint64_t next = late[0].event.offset;
  EXPECT_GE(next, offset - 200'000);
  for (size_t i = 1; i < late.size(); ++i) {
    EXPECT_EQ(late[i].event.kind, StreamEvent::Kind::output);
    EXPECT_EQ(late[i].event.offset, next);
    EXPECT_LE(late[i].event.data.size(), kMaxOutputEventBytes);
    next += late[i].event.data.size();
  }
  EXPECT_EQ(next, offset);
}

TEST_F(StreamHubTest, LargeOutputIsSentInParts) {
  apply(Watch{client("a"), task(1), 0, 1});
  apply(attempt(1));
  const auto events =
      hub_.output(kWorker, output(1, 0, std::string(3 * kMaxOutputEventBytes + 1, 'x')));
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[3].event.offset, 3 * kMaxOutputEventBytes);
  EXPECT_EQ(events[3].event.data.size(), 1U);
}

TEST_F(StreamHubTest, SingleBytesInTurnStayInTheBound) {
  hub_ = StreamHub({.task_bytes = 10'000, .all_bytes = 100'000});
  apply(Watch{client("a"), task(1), 0, 1});
  apply(attempt(1));
  for (uint64_t i = 0; i < 5'000; ++i) {
    hub_.output(kWorker, output(1, i, "x", static_cast<uint8_t>(1 + i % 2)));
    ASSERT_LE(hub_.held_bytes(), 10'000U);
  }
  const auto late = hub_.apply(Watch{client("b"), task(1), 0, 1}).events;
  EXPECT_LT(late.size(), 200U);
}

TEST_F(StreamHubTest, BeyondTheBoundOfAllTheQuietestLosesFirst) {
  hub_ = StreamHub({.task_bytes = 1'000, .all_bytes = 2'500});
  for (uint8_t i = 1; i <= 3; ++i) {
    apply(Watch{client("a"), task(i), 0, 1});
    apply(attempt(i));
    put(output(i, 0, std::string(900, 'x')));
    EXPECT_LE(hub_.held_bytes(), 2'500U);
  }
  EXPECT_THAT(apply(Watch{client("b"), task(1), 0, 1}), ElementsAre("b: gap 900"));
  EXPECT_EQ(hub_.apply(Watch{client("b"), task(2), 0, 1}).events.size(), 1U);
  EXPECT_EQ(hub_.apply(Watch{client("b"), task(3), 0, 1}).events.size(), 1U);
}

TEST_F(StreamHubTest, WithoutWatchersATaskIsForgotten) {
  const auto unwatched = [this](const Unwatch& news) {
    std::vector<std::pair<TaskId, uint64_t>> out;
    for (const Unwatched& one : hub_.apply(news).unwatched) out.emplace_back(one.id, one.serial);
    return out;
  };
  apply(Watch{client("a"), task(1), 0, 1});
  apply(Watch{client("b"), task(1), 0, 2});
  apply(Watch{client("a"), task(2), 0, 3});
  apply(attempt(1));
  put(output(1, 0, "x"));
  EXPECT_THAT(unwatched({"a", task(1)}), IsEmpty());
  EXPECT_THAT(unwatched({"a", task(1)}), IsEmpty()) << "twice";
  EXPECT_THAT(unwatched({"b", task(1)}), ElementsAre(Pair(task(1), 2)));
  EXPECT_EQ(hub_.held_bytes(), 0U);
  apply(Watch{client("a"), task(3), 0, 4});
  EXPECT_THAT(unwatched({"a", std::nullopt}), ElementsAre(Pair(task(2), 3), Pair(task(3), 4)));
  EXPECT_THAT(unwatched({"a", std::nullopt}), IsEmpty());
  EXPECT_EQ(hub_.tasks(), 0U);
}

TEST_F(StreamHubTest, TheEndIsToldToEachAndTheTaskForgotten) {
  apply(Watch{client("a"), task(1), 0, 1});
  apply(Watch{client("b"), task(1), 0, 1});
  apply(attempt(1));
  put(output(1, 0, "x"));
  TaskEnded ended;
  ended.row.id = task(1);
  ended.row.state = model::TaskState::succeeded;
  const auto outcome = hub_.apply(ended);
  EXPECT_THAT(words(outcome.events), ElementsAre("a: end succeeded", "b: end succeeded"));
  EXPECT_THAT(outcome.unwatched, IsEmpty());
  EXPECT_EQ(hub_.tasks(), 0U);
  EXPECT_EQ(hub_.held_bytes(), 0U);
  EXPECT_THAT(apply(ended), IsEmpty());
  EXPECT_THAT(put(output(1, 1, "y")), IsEmpty());
  EXPECT_THAT(hub_.apply(Unwatch{"a", std::nullopt}).unwatched, IsEmpty());
}

// Random output (doubled, overlapping, with holes) and watchers that come and go: each sees bytes
// at their right place, contiguous but for the gaps that it is told.
TEST_F(StreamHubTest, EachWatcherSeesTheBytesAtTheirPlace) {
  Random random(11);
  hub_ = StreamHub({.task_bytes = 3'000, .all_bytes = 5'000});
  const auto byte_at = [](uint64_t offset) { return static_cast<char>('a' + offset % 26); };
  std::map<std::string, uint64_t> next;
  const auto check = [&](const StreamHub::Events& events) {
    for (const auto& [to, event] : events) {
      uint64_t& expected = next.at(to.route);
      if (event.kind == StreamEvent::Kind::gap) {
        EXPECT_GT(event.offset, expected);
        expected = event.offset;
      } else if (event.kind == StreamEvent::Kind::output) {
        ASSERT_EQ(event.offset, expected);
        for (const char c : event.data) ASSERT_EQ(c, byte_at(expected++));
      }
    }
  };
  apply(Watch{client("always"), task(1), 0, 1});
  next["always"] = 0;
  apply(attempt(1));
  uint64_t end = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::string route = "c" + std::to_string(uniform(random, 5));
    const uint64_t choice = uniform(random, 10);
    if (choice == 0) {
      next[route] = uniform(random, end + 1);
      check(hub_.apply(Watch{client(route), task(1), next[route], 1}).events);
    } else if (choice == 1) {
      hub_.apply(Unwatch{route, task(1)});
    } else {
      uint64_t offset = end - std::min(end, uniform(random, 3) == 0 ? uniform(random, 100) : 0);
      if (uniform(random, 50) == 0) offset = end + uniform(random, 100);
      std::string data(uniform(random, 200), ' ');
      for (size_t i = 0; i < data.size(); ++i) data[i] = byte_at(offset + i);
      if (!data.empty()) end = std::max(end, offset + data.size());
      check(hub_.output(kWorker,
                        output(1, offset, data, static_cast<uint8_t>(1 + uniform(random, 2)))));
    }
    if (HasFatalFailure()) return;
    EXPECT_EQ(next["always"], end);
  }
}

}  // namespace
}  // namespace kiln::core
