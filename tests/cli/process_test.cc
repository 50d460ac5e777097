#include "cli/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace kiln::cli {
namespace {

constexpr Duration kPatience = std::chrono::seconds(20);

TEST(ForkChild, IsHeardAndReaped) {
  const auto child =
      fork_child("child", [](UniqueFd ready) { return write(ready.get(), "yes", 3) == 3 ? 7 : 1; });
  ASSERT_TRUE(child.ok());
  std::array<char, 8> buffer{};
  EXPECT_EQ(read(child->ready.get(), buffer.data(), buffer.size()), 3);
  EXPECT_STREQ(buffer.data(), "yes");
  EXPECT_EQ(read(child->ready.get(), buffer.data(), buffer.size()), 0) << "end of file at its end";
  const auto status = wait_for_end(child->pid, kPatience);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(describe_end(*status), "exit code 7");
}

TEST(ForkChild, HasAProcessGroupOfItsOwn) {
  const auto child = fork_child("child", [](UniqueFd ready) {
    const char own = getpgrp() == getpid() ? 'y' : 'n';
    return write(ready.get(), &own, 1) == 1 ? 0 : 1;
  });
  ASSERT_TRUE(child.ok());
  char own = 0;
  EXPECT_EQ(read(child->ready.get(), &own, 1), 1);
  EXPECT_EQ(own, 'y');
  EXPECT_TRUE(wait_for_end(child->pid, kPatience).has_value());
}

TEST(WaitForEnd, GivesUpAndSeesSignals) {
  const auto child = fork_child("child", [](const UniqueFd&) {
    pause();
    return 0;
  });
  ASSERT_TRUE(child.ok());
  EXPECT_FALSE(wait_for_end(child->pid, std::chrono::milliseconds(10)).has_value());
  ASSERT_EQ(kill(child->pid, SIGKILL), 0);
  const auto status = wait_for_end(child->pid, kPatience);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(describe_end(*status), "signal 9");
}

}  // namespace
}  // namespace kiln::cli
