#include "core/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "base/random.h"

namespace kiln::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <class Id>
Id id_of(uint64_t number) {
  Id id;
  for (size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

// An effect and a write that carry a number. Each write is of another task, unless `task` is given.
Effect told(uint64_t number) {
  Schedule schedule;
  schedule.version = number;
  return schedule;
}
Effect wrote(uint64_t number, bool lazy = false, uint64_t task = 0) {
  model::UpdateTask update;
  update.row.seq = number;
  update.row.id = id_of<TaskId>(task == 0 ? number : task);
  return Persist{{update}, lazy};
}

std::vector<uint64_t> numbers(const Effects& effects) {
  std::vector<uint64_t> out;
  for (const Effect& effect : effects) out.push_back(std::get<Schedule>(effect).version);
  return out;
}
std::vector<uint64_t> numbers(const std::optional<model::Writes>& writes) {
  std::vector<uint64_t> out;
  for (const model::Write& write : writes.value()) {
    out.push_back(std::get<model::UpdateTask>(write).row.seq);
  }
  return out;
}

TEST(OutboxTest, WithoutWritesEffectsLeaveAtOnce) {
  Outbox outbox;
  EXPECT_THAT(numbers(outbox.push({told(1), told(2)})), ElementsAre(1, 2));
  EXPECT_FALSE(outbox.take_batch().has_value());
  EXPECT_TRUE(outbox.idle());
}

TEST(OutboxTest, EffectsWaitForTheWritesBeforeThem) {
  Outbox outbox;
  EXPECT_THAT(numbers(outbox.push({told(1), wrote(10), told(2)})), ElementsAre(1));
  EXPECT_EQ(outbox.waiting_effects(), 1U);
  EXPECT_FALSE(outbox.idle());
  // What comes later keeps its place behind what waits.
  EXPECT_THAT(numbers(outbox.push({told(3)})), IsEmpty());
  EXPECT_THAT(numbers(outbox.take_batch()), ElementsAre(10));
  EXPECT_THAT(numbers(outbox.push({told(4)})), IsEmpty());
  const auto done = outbox.committed();
  EXPECT_THAT(numbers(done.ready), ElementsAre(2, 3, 4));
  EXPECT_EQ(done.persists, 1U);
  EXPECT_TRUE(outbox.idle());
  EXPECT_THAT(numbers(outbox.push({told(5)})), ElementsAre(5));
}

// A worker that had to wait for these behind a slow commit would take the broker for gone.
TEST(OutboxTest, SignsOfLifeDoNotWait) {
  Outbox outbox;
  const auto leave = [&](model::ToWorker message) {
    return outbox.push({Send{InstanceId{}, std::move(message)}}).size();
  };
  outbox.push({wrote(10)});
  EXPECT_EQ(leave(model::HeartbeatOk{}), 1U);
  EXPECT_EQ(leave(model::HelloFirst{}), 1U);
  EXPECT_EQ(leave(model::Welcome{}), 1U);
  EXPECT_EQ(leave(model::FinishedOk{}), 0U);
  EXPECT_EQ(leave(model::Fenced{}), 0U);
}

TEST(OutboxTest, CountsTheBytesThatAreNotOnDisk) {
  Outbox outbox;
  const auto bytes = std::make_shared<const std::string>(100, 'x');
  outbox.push({Persist{{model::InsertTask{{}, bytes}, model::PutResult{{}, bytes}}, false}});
  EXPECT_EQ(outbox.waiting_bytes(), 200U);
  outbox.take_batch();
  outbox.push({Persist{{model::InsertTask{{}, bytes}}, false}});
  EXPECT_EQ(outbox.waiting_bytes(), 300U);
  outbox.committed();
  EXPECT_EQ(outbox.waiting_bytes(), 100U);
  outbox.failed();
  EXPECT_EQ(outbox.waiting_bytes(), 0U);
}

TEST(OutboxTest, WhatArrivesDuringACommitGoesWithTheNext) {
  Outbox outbox;
  outbox.push({wrote(10), told(1)});
  outbox.take_batch();
  outbox.push({wrote(11), told(2), wrote(12), told(3)});
  EXPECT_FALSE(outbox.take_batch().has_value()) << "one batch at a time";
  auto done = outbox.committed();
  EXPECT_THAT(numbers(done.ready), ElementsAre(1));
  EXPECT_EQ(done.persists, 1U);
  EXPECT_THAT(numbers(outbox.take_batch()), ElementsAre(11, 12));
  done = outbox.committed();
  EXPECT_THAT(numbers(done.ready), ElementsAre(2, 3));
  EXPECT_EQ(done.persists, 3U);
}

TEST(OutboxTest, LazyWritesHoldNothingBackAndTravelInOrder) {
  Outbox outbox;
  EXPECT_THAT(numbers(outbox.push({wrote(10, true), told(1)})), ElementsAre(1));
  EXPECT_THAT(numbers(outbox.push({wrote(11), told(2), wrote(12, true), told(3)})), IsEmpty());
  EXPECT_THAT(numbers(outbox.take_batch()), ElementsAre(10, 11, 12));
  const auto done = outbox.committed();
  EXPECT_THAT(numbers(done.ready), ElementsAre(2, 3));
  EXPECT_EQ(done.persists, 1U) << "lazy ones are not counted";
}

TEST(OutboxTest, ALazyWriteIsLeftOutIfItsRowIsWrittenAgain) {
  Outbox outbox;
  outbox.push({wrote(10, true, 1), wrote(11, true, 2), wrote(12, true, 1), wrote(13, false, 1)});
  EXPECT_THAT(numbers(outbox.take_batch()), ElementsAre(11, 13));
  // Not if that is in another batch, which may fail; and one that others rest on stays.
  outbox.push({wrote(14, false, 1), wrote(15, true, 1)});
  outbox.committed();
  EXPECT_THAT(numbers(outbox.take_batch()), ElementsAre(14, 15));
}

// --- an Assign waits for its own task's write only

Effect assigned(uint64_t worker, uint64_t rests_on) {
  return Send{id_of<InstanceId>(worker), model::Assign{}, rests_on};
}

class OutboxAssignTest : public ::testing::Test {
 protected:
  OutboxAssignTest() {
    outbox_.push({wrote(1)});
    outbox_.take_batch();
    outbox_.committed();
    outbox_.push({wrote(2)});  // the second Persist is not on disk
  }
  bool leaves(Effect effect) { return !outbox_.push({std::move(effect)}).empty(); }
  static Effect send(uint64_t worker, model::ToWorker message) {
    return Send{id_of<InstanceId>(worker), std::move(message)};
  }
  Outbox outbox_;
};

TEST_F(OutboxAssignTest, GoesPastWritesOfOthers) {
  EXPECT_TRUE(leaves(assigned(1, 0)));
  EXPECT_TRUE(leaves(assigned(1, 1)));
  EXPECT_FALSE(leaves(assigned(1, 2))) << "its own is not on disk";
  EXPECT_FALSE(leaves(send(1, model::Assign{}))) << "nothing is known of what it rests on";
  EXPECT_TRUE(leaves(assigned(1, 1))) << "one that waits holds no other back";
  outbox_.take_batch();
  EXPECT_EQ(outbox_.committed().ready.size(), 2U);
}

TEST_F(OutboxAssignTest, GoesPastNothingThatItsWorkerMustHearFirst) {
  EXPECT_FALSE(leaves(send(1, model::FinishedOk{})));
  EXPECT_TRUE(leaves(assigned(1, 1)));
  EXPECT_FALSE(leaves(send(1, model::Fenced{})));
  EXPECT_FALSE(leaves(Cancel{id_of<InstanceId>(2), {}}));
  EXPECT_FALSE(leaves(assigned(1, 1)));
  EXPECT_FALSE(leaves(assigned(2, 1)));
  EXPECT_TRUE(leaves(assigned(3, 1)));
  outbox_.take_batch();
  EXPECT_EQ(outbox_.committed().ready.size(), 5U);
  outbox_.push({wrote(3)});
  EXPECT_TRUE(leaves(assigned(1, 1))) << "what held it back has left";
  EXPECT_TRUE(leaves(assigned(2, 1)));
}

TEST(OutboxTest, LazyWritesAloneAreWrittenToo) {
  Outbox outbox;
  outbox.push({wrote(10, true)});
  EXPECT_FALSE(outbox.idle());
  EXPECT_THAT(numbers(outbox.take_batch()), ElementsAre(10));
  EXPECT_EQ(outbox.committed().persists, 0U);
  EXPECT_TRUE(outbox.idle());
}

TEST(OutboxTest, AnEmptyPersistIsCommittedLikeAnyOther) {
  Outbox outbox;
  EXPECT_THAT(numbers(outbox.push({Persist{}, told(1)})), IsEmpty());
  EXPECT_THAT(numbers(outbox.take_batch()), IsEmpty());
  EXPECT_THAT(numbers(outbox.committed().ready), ElementsAre(1));
}

TEST(OutboxTest, AFailureDropsAllThatWaitsAndSaysWhat) {
  Outbox outbox;
  outbox.push({wrote(10), told(1)});
  outbox.take_batch();
  outbox.push({told(2), wrote(11), told(3)});
  EXPECT_THAT(numbers(outbox.failed()), ElementsAre(1, 2, 3));
  EXPECT_TRUE(outbox.idle());
  EXPECT_FALSE(outbox.take_batch().has_value());
  // The reloaded core starts anew.
  EXPECT_THAT(numbers(outbox.push({told(4), wrote(12), told(5)})), ElementsAre(4));
  EXPECT_THAT(numbers(outbox.take_batch()), ElementsAre(12));
  const auto done = outbox.committed();
  EXPECT_THAT(numbers(done.ready), ElementsAre(5));
  EXPECT_EQ(done.persists, 1U);
}

// Random pushes, batches and commits: all leaves in order, and nothing before what it waits for.
TEST(OutboxTest, NothingLeavesBeforeTheWritesBeforeIt) {
  Random random(7);
  Outbox outbox;
  uint64_t next = 1, last_left = 0, committed = 0, in_batch = 0;
  std::deque<std::pair<uint64_t, uint64_t>> behind;  // effect, the non-lazy write before it
  uint64_t last_write = 0;
  bool under_way = false;
  const auto left = [&](const Effects& effects) {
    for (const uint64_t number : numbers(effects)) {
      EXPECT_GT(number, last_left);
      last_left = number;
      ASSERT_FALSE(behind.empty());
      EXPECT_EQ(behind.front().first, number) << "in order, none missing";
      EXPECT_LE(behind.front().second, committed);
      behind.pop_front();
    }
  };
  for (int step = 0; step < 20'000; ++step) {
    const uint64_t choice = uniform(random, 8);
    if (choice < 3) {
      behind.emplace_back(next, last_write);
      left(outbox.push({told(next++)}));
    } else if (choice < 5) {
      const bool lazy = uniform(random, 2) == 0;
      if (!lazy) last_write = next;
      left(outbox.push({wrote(next++, lazy)}));
    } else if (under_way) {
      committed = in_batch;
      under_way = false;
      left(outbox.committed().ready);
    } else if (outbox.take_batch()) {
      under_way = true;
      in_batch = last_write;
    }
  }
}

}  // namespace
}  // namespace kiln::core
