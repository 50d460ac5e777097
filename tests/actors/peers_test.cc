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

TEST(Peers, NoTwoKeysHaveAnInstanceInCommon) {
  const net::Identity none;
  const net::Identity one{net::Role::worker, "default", "w1", std::string(64, 'a')};
  const net::Identity two{net::Role::worker, "default", "w1", std::string(64, 'b')};
  EXPECT_EQ(instance_of(none, kOne), kOne);
  EXPECT_EQ(instance_of(one, kOne), instance_of(one, kOne));
  EXPECT_NE(instance_of(one, kOne), instance_of(two, kOne));
  EXPECT_NE(instance_of(one, kOne), instance_of(one, kTwo));
  EXPECT_NE(instance_of(one, kOne), kOne);
}

}  // namespace
}  // namespace kiln::actors
