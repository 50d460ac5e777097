#include "tests/net/lossy_network.h"

#include <gtest/gtest.h>

namespace kiln::net {
namespace {

using std::chrono::milliseconds;
using Network = LossyNetwork<int>;

std::vector<int> numbers(const std::vector<Network::Delivery>& deliveries) {
  std::vector<int> out;
  for (const auto& d : deliveries) out.push_back(d.message);
  return out;
}

TEST(LossyNetwork, DeliversInOrderAndOnlyWhenDue) {
  Network net(1, {0, milliseconds(1), milliseconds(50)});
  for (int i = 0; i < 100; ++i) net.send(MonoTime(milliseconds(i)), "a", "b", i);
  EXPECT_TRUE(net.take_arrived(MonoTime(Duration(0))).empty());
  std::vector<int> got;
  while (const auto next = net.next_arrival()) {
    for (const int n : numbers(net.take_arrived(*next))) got.push_back(n);
  }
  std::vector<int> wanted;
  for (int i = 0; i < 100; ++i) wanted.push_back(i);
  EXPECT_EQ(got, wanted);
}

TEST(LossyNetwork, LosesItsShareAndTheSameForOneSeed) {
  const auto run = [](uint64_t seed) {
    Network net(seed, {660, Duration(0), Duration(0)});
    for (int i = 0; i < 1'000; ++i) net.send(MonoTime{}, "a", "b", i);
    return numbers(net.take_arrived(MonoTime{}));
  };
  const auto got = run(7);
  EXPECT_GT(got.size(), 250U);
  EXPECT_LT(got.size(), 450U);
  EXPECT_EQ(got, run(7));
  EXPECT_NE(got, run(8));
}

TEST(LossyNetwork, CutsOneWayAndLosesWhatWasUnderWay) {
  Network net(1, {0, milliseconds(5), milliseconds(5)});
  net.send(MonoTime{}, "a", "b", 1);
  net.send(MonoTime{}, "b", "a", 2);
  net.cut("a", "b");
  net.send(MonoTime{}, "a", "b", 3);
  EXPECT_EQ(numbers(net.take_arrived(MonoTime(milliseconds(5)))), std::vector<int>{2});
  net.heal("a", "b");
  net.send(MonoTime(milliseconds(5)), "a", "b", 4);
  net.disconnect("b", "a");
  EXPECT_FALSE(net.next_arrival().has_value());
  EXPECT_EQ(net.lost(), 3U);
}

}  // namespace
}  // namespace kiln::net
