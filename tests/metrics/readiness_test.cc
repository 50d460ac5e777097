#include "metrics/readiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metrics/pages.h"

namespace kiln::metrics {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr MonoTime kStart{std::chrono::hours(1)};

TEST(Readiness, NeedsEveryPart) {
  Readiness readiness({"store", "sockets"});
  readiness.works("store");
  EXPECT_THAT(readiness.problems(kStart), ElementsAre("sockets: it is starting"));
  EXPECT_EQ(readyz(readiness, kStart).status, kNotReadyStatus);
  readiness.works("sockets");
  EXPECT_THAT(readiness.problems(kStart), IsEmpty());
  EXPECT_EQ(readyz(readiness, kStart).status, kOkStatus);
  readiness.fails("store", "it cannot commit");
  EXPECT_THAT(readyz(readiness, kStart).body, HasSubstr("store: it cannot commit\n"));
}

TEST(Readiness, ACommitThatDoesNotEndIsAStoreThatCannotCommit) {
  Readiness readiness({});
  readiness.commit_begins(kStart);
  EXPECT_THAT(readiness.problems(kStart + kLongestCommit), IsEmpty());
  EXPECT_THAT(readiness.problems(kStart + 2 * kLongestCommit),
              ElementsAre("store: a commit does not end"));
  readiness.commit_ends(false, kStart + 2 * kLongestCommit);
  EXPECT_THAT(readiness.problems(kStart + 2 * kLongestCommit), IsEmpty());
}

TEST(Readiness, AFailedCommitIsShownForAWhile) {
  Readiness readiness({});
  readiness.commit_ends(true, kStart);
  EXPECT_THAT(readiness.problems(kStart), ElementsAre("store: a commit failed a moment ago"));
  EXPECT_THAT(readiness.problems(kStart + kFailureShown), IsEmpty());
}

TEST(Readiness, WhatDoesNotMoveIsNotAlive) {
  Readiness readiness({"store"});
  readiness.works("store");
  readiness.moved(kStart);
  EXPECT_EQ(healthz(readiness, kStart + kLongestStillness / 2).status, kOkStatus);
  EXPECT_EQ(healthz(readiness, kStart + kLongestStillness).status, kNotReadyStatus);
  readiness.fails("store", "it cannot commit");
  EXPECT_EQ(healthz(readiness, kStart + kLongestStillness).status, kOkStatus)
      << "it waits for the disk: a restart would not help";
}

}  // namespace
}  // namespace kiln::metrics
