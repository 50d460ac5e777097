#include "actors/peers.h"

#include <gtest/gtest.h>

namespace kiln::actors {
namespace {

const InstanceId kOne{{1}};
const InstanceId kTwo{{2}};

TEST(Peers, KnowsARouteByItsWorkerAndBack) {
  Peers peers;
  peers.bind("a", kOne);
  EXPECT_EQ(peers.worker_on("a"), kOne);
  ASSERT_NE(peers.route_of(kOne), nullptr);
  EXPECT_EQ(*peers.route_of(kOne), "a");
  EXPECT_EQ(peers.worker_on("b"), std::nullopt);
  EXPECT_EQ(peers.route_of(kTwo), nullptr);
}

TEST(Peers, FollowAWorkerToItsNewRoute) {
  Peers peers;
  peers.bind("a", kOne);
  peers.bind("b", kOne);
  EXPECT_EQ(peers.worker_on("a"), std::nullopt);
  EXPECT_EQ(*peers.route_of(kOne), "b");
  EXPECT_EQ(peers.unbind("a"), std::nullopt) << "the old route says nothing about the worker";
  EXPECT_EQ(peers.size(), 1U);
}

TEST(Peers, GiveARouteToWhoSaidHelloLast) {
  Peers peers;
  peers.bind("a", kOne);
  peers.bind("a", kTwo);
  EXPECT_EQ(peers.route_of(kOne), nullptr);
  EXPECT_EQ(peers.unbind("a"), kTwo);
  EXPECT_EQ(peers.size(), 0U);
}

}  // namespace
}  // namespace kiln::actors
