#include "actors/intake.h"

#include <gtest/gtest.h>

namespace kiln::actors {
namespace {

net::Inbound message(net::Peer peer, size_t bytes) { return {peer, "r", std::string(bytes, 'm')}; }

TEST(Intake, TurnsClientsAwayAboveItsBoundUntilSomethingIsDone) {
  Intake intake(10 + 2 * kMessageCost);
  EXPECT_EQ(intake.take({message(net::Peer::client, 6)}).size(), 1U);
  EXPECT_EQ(intake.take({message(net::Peer::client, 5)}).size(), 0U);
  EXPECT_EQ(intake.waiting(), 6U + kMessageCost);
  intake.done(message(net::Peer::client, 6));
  EXPECT_EQ(intake.waiting(), 0U);
  EXPECT_EQ(intake.take({message(net::Peer::client, 5)}).size(), 1U);
}

TEST(Intake, CountsMoreThanTheBytesOfAMessage) {
  Intake intake(2 * kMessageCost);
  EXPECT_EQ(intake.take(std::vector(10, message(net::Peer::client, 0))).size(), 2U);
}

TEST(Intake, NeverTurnsWorkersAway) {
  Intake intake(10);
  EXPECT_EQ(intake.take({message(net::Peer::worker, 20), message(net::Peer::client, 1)}).size(),
            1U);
  EXPECT_EQ(intake.waiting(), 20U + kMessageCost);
}

}  // namespace
}  // namespace kiln::actors
