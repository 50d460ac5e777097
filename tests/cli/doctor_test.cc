// The pure parts of kiln doctor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "cli/doctor_checks.h"
#include "sandbox/isolation.h"

namespace kiln::cli {
namespace {

using sandbox::Holds;
using sandbox::Step;
using sandbox::StepFailure;
using testing::Each;
using testing::Field;
using testing::HasSubstr;

TEST(SubordinateIds, AreThoseOfTheUserByNameOrNumber) {
  EXPECT_EQ(subordinate_ids("ada:100000:65536\nbob:165536:10\n1000:7:5\n", "ada", "1000"), 65541U);
  EXPECT_EQ(subordinate_ids("ada:100000:65536\n", "bob", "1001"), 0U);
}

TEST(SubordinateIds, WhatIsNoLineIsPassedOver) {
  for (const char* text : {"", "ada", "ada:", "ada::", "ada:1", "ada:1:", "ada:1:x", "ada:1:-5",
                           "ada:1:99999999999999999999999", ":::", "ada:1:2:3", "\n\n"}) {
    EXPECT_EQ(subordinate_ids(text, "ada", "1000"), 0U) << text;
  }
  EXPECT_EQ(subordinate_ids("nonsense\nada:1:2", "ada", "0"), 2U);
}

Holds of(const StepFailure& failure, std::string_view name) {
  for (const sandbox::Property& property : sandbox::judge_isolation(failure)) {
    if (property.name == name) return property.holds;
  }
  ADD_FAILURE() << "there is no property " << name;
  return Holds::unknown;
}

TEST(Isolation, HoldsWhereTheLauncherStarted) {
  EXPECT_THAT(sandbox::judge_isolation(std::nullopt),
              Each(Field(&sandbox::Property::holds, Holds::yes)));
}

TEST(Isolation, AFailedStepIsItsPropertysAndWhatComesAfterIsUnknown) {
  const StepFailure failure{Step::mount_proc, EPERM, -1};
  EXPECT_EQ(of(failure, "private /proc"), Holds::no);
  EXPECT_EQ(of(failure, "pid namespace"), Holds::yes);
  EXPECT_EQ(of(failure, "syscall filter"), Holds::unknown);
}

TEST(Isolation, AFailedCheckOfTheCanaryIsItsPropertys) {
  EXPECT_EQ(of({Step::self_test, EISCONN, 7}, "network namespace"), Holds::no);
  EXPECT_EQ(of({Step::self_test, EISCONN, 7}, "read-only root"), Holds::yes);
  EXPECT_EQ(of({Step::self_test, EISCONN, 7}, "syscall filter"), Holds::unknown);
  EXPECT_EQ(of({Step::self_test, EEXIST, 0}, "pid namespace"), Holds::no);
}

TEST(Isolation, ALauncherThatDiedProvesNothing) {
  for (const Step step : {Step::launcher_lost, Step::launcher_start, Step::init_lost}) {
    EXPECT_THAT(sandbox::judge_isolation(StepFailure{step, 0, -1}),
                Each(Field(&sandbox::Property::holds, Holds::unknown)));
  }
}

TEST(Isolation, TheStepIsInTheErrorThatTellsIt) {
  for (const StepFailure& failure :
       {StepFailure{Step::clone, EPERM, -1}, StepFailure{Step::self_test, EEXIST, 3}}) {
    const auto found = sandbox::failure_in(sandbox::describe(failure));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->step, failure.step);
    EXPECT_EQ(found->index, failure.index);
  }
  EXPECT_FALSE(sandbox::failure_in({ErrorCode::sandbox, "m", "other", "", ""}));
  EXPECT_FALSE(sandbox::failure_in({ErrorCode::io_error, "m", "clone", "", ""}));
}

TEST(IsolationChecks, SayWhatFailedAndWhatWasNotReached) {
  const auto checks = isolation_checks(sandbox::describe({Step::clone, EPERM, -1}));
  size_t missing = 0;
  for (const Check& check : checks) {
    if (check.state != CheckState::missing) continue;
    ++missing;
    EXPECT_THAT(check.finding, HasSubstr("Operation not permitted"));
    EXPECT_NE(check.mend, "");
    EXPECT_TRUE(check.required);
  }
  EXPECT_EQ(missing, 4U);  // the namespaces that one call makes
  EXPECT_THAT(isolation_checks(Error{ErrorCode::sandbox, "there is none", "", "", ""}),
              Each(Field(&Check::state, CheckState::unchecked)));
}

}  // namespace
}  // namespace kiln::cli
