#include "config/nearest.h"

#include <gtest/gtest.h>

#include <array>

namespace kiln::config {
namespace {

constexpr std::array<std::string_view, 3> kWords = {"extensions", "source", "env"};

TEST(Nearest, FindsTheWordMeant) {
  EXPECT_EQ(nearest("extenions", kWords), "extensions");
  EXPECT_EQ(nearest("sorce", kWords), "source");
  EXPECT_EQ(nearest("evn", std::array<std::string_view, 1>{"env"}), "");  // two letters of three
  EXPECT_EQ(nearest("en", kWords), "env");
}

TEST(Nearest, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest("colour", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest("x", {}), "");
}

TEST(Nearest, HintListsWhatIsAllowed) {
  EXPECT_EQ(allowed_hint("sorce", kWords),
            "Did you mean \"source\"? Allowed: extensions, source, env");
  EXPECT_EQ(allowed_hint("colour", kWords), "Allowed: extensions, source, env");
}

}  // namespace
}  // namespace kiln::config
