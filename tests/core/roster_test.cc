#include "core/roster.h"

#include <gtest/gtest.h>

namespace kiln::core {
namespace {

using std::chrono::seconds;

InstanceId instance(uint8_t n) {
  InstanceId id;
  id.bytes[15] = n;
  return id;
}
TaskId task(uint8_t n) {
  TaskId id;
  id.bytes[15] = n;
  return id;
}
MonoTime at(int second) { return MonoTime(seconds(second)); }

Worker& add(Roster& roster, uint8_t n, uint32_t slots, uint32_t credit) {
  model::Hello hello;
  hello.slots = slots;
  hello.credit = credit;
  hello.languages = {{"python", "3.11"}, {"python", "3.12"}};
  Worker* worker = roster.admit(instance(n), hello);
  roster.heard(*worker, at(3));
  return *worker;
}

TEST(Roster, CreditAndPrefetchBoundTheLeases) {
  Roster roster;
  EXPECT_EQ(add(roster, 1, 2, 0).room(), 0U);
  EXPECT_EQ(add(roster, 2, 2, 1).room(), 1U);
  Worker& greedy = add(roster, 3, 2, 1'000'000);
  EXPECT_EQ(greedy.room(), 4U);
  roster.add_lease(greedy, task(1));
  EXPECT_EQ(greedy.room(), 3U);
}

TEST(Roster, ChoosesTheFreestThatServes) {
  Roster roster;
  EXPECT_FALSE(roster.any_room());
  Worker& small = add(roster, 1, 1, 1);
  Worker& large = add(roster, 2, 3, 3);
  EXPECT_EQ(roster.best_for("q", "bash"), nullptr);
  EXPECT_EQ(roster.best_for("q", "python"), &large);
  for (uint8_t n = 1; n <= 3; ++n) roster.add_lease(large, task(n));
  EXPECT_EQ(roster.best_for("q", "python"), &small);
  roster.add_lease(small, task(4));
  EXPECT_EQ(roster.best_for("q", "python"), nullptr);
  roster.remove_lease(large, task(1));
  EXPECT_EQ(roster.best_for("q", "python"), &large);
}

TEST(Roster, AWorkerMayServeSomeQueuesOnly) {
  Roster roster;
  model::Hello hello;
  hello.slots = hello.credit = 5;
  hello.languages = {{"python", "3"}};
  hello.queues = {"mine"};
  roster.admit(instance(1), hello);
  EXPECT_EQ(roster.best_for("other", "python"), nullptr);
  EXPECT_NE(roster.best_for("mine", "python"), nullptr);
}

TEST(Roster, HearingPutsOffTheLoss) {
  Roster roster;
  Worker& worker = add(roster, 1, 1, 1);
  EXPECT_EQ(roster.next_deadline(), at(3));
  roster.heard(worker, at(5));
  EXPECT_TRUE(roster.silent(at(4)).empty());
  EXPECT_EQ(roster.next_deadline(), at(5));
  EXPECT_EQ(roster.silent(at(5)), std::vector{instance(1)});
}

TEST(Roster, AnUnreachableWorkerIsLostSoonerAndGivenNothing) {
  Roster roster;
  Worker& worker = add(roster, 1, 1, 1);
  roster.unreachable(worker, at(2));
  EXPECT_EQ(worker.room(), 0U);
  EXPECT_FALSE(roster.any_room());
  EXPECT_EQ(roster.next_deadline(), at(2));
  EXPECT_EQ(roster.silent(at(2)).size(), 1U);
}

TEST(Roster, AHelloReplacesAllButTheLeases) {
  Roster roster;
  Worker& worker = add(roster, 1, 1, 1);
  roster.add_lease(worker, task(1));
  roster.unreachable(worker, at(1));
  EXPECT_EQ(&add(roster, 1, 2, 2), &worker);
  EXPECT_EQ(worker.room(), 1U);
  EXPECT_TRUE(roster.silent(at(2)).empty());
}

TEST(Roster, APauseEndsByItselfOrWithNewCredit) {
  Roster roster;
  Worker& worker = add(roster, 1, 1, 1);
  roster.pause(worker, at(1));
  EXPECT_EQ(worker.room(), 0U);
  roster.set_credit(worker, 1);
  EXPECT_EQ(worker.room(), 1U);
  roster.pause(worker, at(2));
  EXPECT_TRUE(roster.resume(at(1)).empty());  // the first pause is over, not the second
  EXPECT_EQ(roster.resume(at(2)).size(), 1U);
  EXPECT_EQ(roster.best_for("q", "python"), &worker);
}

TEST(Roster, IsBounded) {
  Roster roster;
  const model::Hello hello;
  for (size_t i = 0; i < kMaxWorkers; ++i) {
    InstanceId id;
    id.bytes[0] = static_cast<uint8_t>(i);
    id.bytes[1] = static_cast<uint8_t>(i >> 8U);
    ASSERT_NE(roster.admit(id, hello), nullptr);
  }
  EXPECT_EQ(roster.admit(instance(1), hello), nullptr);
  EXPECT_NE(roster.admit(InstanceId{}, hello), nullptr);
  roster.remove(InstanceId{});
  EXPECT_NE(roster.admit(instance(1), hello), nullptr);
}

}  // namespace
}  // namespace kiln::core
