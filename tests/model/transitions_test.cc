// The steps of a task, and docs/task_lifecycle.md's table of them.
#include "model/transitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace kiln::model {
namespace {

using enum TaskState;

// "from to recorded" of each row of the table below "## Steps".
std::set<std::string> steps_of_page() {
  std::ifstream file(KILN_LIFECYCLE_PAGE);
  std::set<std::string> steps;
  std::string line;
  bool inside = false;
  while (std::getline(file, line)) {
    if (line.starts_with("## ")) inside = line == "## Steps";
    if (!inside || !line.starts_with("| ") || line.starts_with("| From")) continue;
    std::istringstream cells(line);
    std::string bar, from, to, recorded;
    cells >> bar >> from >> bar >> to >> bar >> recorded;
    EXPECT_TRUE(steps.insert(from + " " + to + " " + recorded).second) << line << " stands twice";
  }
  return steps;
}

TEST(TransitionsTest, ThePageHasTheSameSteps) {
  std::set<std::string> listed;
  for (const Transition& step : transitions()) {
    const std::string from = step.from ? std::string(to_string(*step.from)) : "submit";
    listed.insert(from + " " + std::string(to_string(step.to)) + " " +
                  std::string(to_string(step.recorded)));
  }
  EXPECT_EQ(listed.size(), transitions().size());
  EXPECT_EQ(steps_of_page(), listed);
}

TEST(TransitionsTest, NothingLeavesAnEndAndEachLiveStateCanBeLeft) {
  std::set<TaskState> left, reached;
  for (const Transition& step : transitions()) {
    if (step.from) left.insert(*step.from);
    reached.insert(step.to);
  }
  for (size_t i = 0; i < kTaskStateCount; ++i) {
    const auto state = static_cast<TaskState>(i);
    EXPECT_EQ(left.contains(state), !is_terminal(state)) << to_string(state);
    EXPECT_TRUE(reached.contains(state)) << to_string(state);
  }
}

TEST(TransitionsTest, LinesFollowEachOtherThroughStepsWithoutOne) {
  EXPECT_TRUE(may_follow(std::nullopt, queued));     // submitted anew, or lost
  EXPECT_TRUE(may_follow(std::nullopt, succeeded));  // ran, or from the cache
  EXPECT_TRUE(may_follow(std::nullopt, dead));       // joined a task that died, or ran
  EXPECT_TRUE(may_follow(queued, queued));           // lost twice
  EXPECT_TRUE(may_follow(retrying, retrying));
  EXPECT_TRUE(may_follow(retrying, succeeded));
  EXPECT_FALSE(may_follow(std::nullopt, running)) << "no line says so";
  EXPECT_FALSE(may_follow(succeeded, queued));
  EXPECT_FALSE(may_follow(retrying, joined));
  EXPECT_FALSE(may_follow(cancelled, succeeded));
}

TEST(TransitionsTest, ARowIsNoFurtherThanStepsWithoutALine) {
  for (const TaskState state : {scheduled, queued, joined, running}) {
    EXPECT_TRUE(may_be_in(std::nullopt, state)) << to_string(state);
  }
  for (const TaskState state : {retrying, succeeded, failed, dead, cancelled, expired}) {
    EXPECT_FALSE(may_be_in(std::nullopt, state)) << to_string(state);
  }
  EXPECT_TRUE(may_be_in(retrying, running));
  EXPECT_FALSE(may_be_in(retrying, scheduled));
  EXPECT_TRUE(may_be_in(failed, failed));
  EXPECT_FALSE(may_be_in(failed, queued));
}

}  // namespace
}  // namespace kiln::model
