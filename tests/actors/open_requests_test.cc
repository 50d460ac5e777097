#include "actors/open_requests.h"

#include <gtest/gtest.h>

namespace kiln::actors {
namespace {

core::ClientRef client(const std::string& route, uint64_t rid) { return {route, rid, "default"}; }

TEST(OpenRequests, ClosesEachOnce) {
  OpenRequests requests;
  requests.add(client("a", 1));
  requests.add(client("b", 1));
  EXPECT_TRUE(requests.close(client("a", 1)));
  EXPECT_FALSE(requests.close(client("a", 1))) << "answered already";
  EXPECT_FALSE(requests.close(client("b", 2))) << "never asked";
  EXPECT_EQ(requests.size(), 1U);
}

TEST(OpenRequests, CountsRequestsWithTheSameNumber) {
  OpenRequests requests;
  requests.add(client("a", 0));
  requests.add(client("a", 0));
  EXPECT_EQ(requests.size(), 2U);
  EXPECT_TRUE(requests.close(client("a", 0)));
  EXPECT_EQ(requests.take_all().size(), 1U);
  EXPECT_FALSE(requests.close(client("a", 0))) << "taken";
}

TEST(OpenRequests, ForgetsAClientThatIsGone) {
  OpenRequests requests;
  requests.add(client("a", 1));
  requests.add(client("b", 2));
  requests.drop("a");
  const auto left = requests.take_all();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left.front().route, "b");
  EXPECT_EQ(requests.size(), 0U);
}

}  // namespace
}  // namespace kiln::actors
