#include "cli/live_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::cli {
namespace {

using testing::HasSubstr;

class LiveOutputTest : public testing::Test {
 protected:
  void SetUp() override {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
  }
  void TearDown() override {
    if (!taken_) take_streams();
  }
  void take_streams() {
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    taken_ = true;
  }

  void output(uint64_t offset, uint8_t stream, const std::string& data, uint32_t attempt = 1) {
    live_.take({TaskId{}, "output", attempt, offset, stream, data, {}});
  }

  LiveOutput live_{false, -1};
  std::string out_;
  std::string err_;
  bool taken_ = false;
};

TEST_F(LiveOutputTest, EachStreamGoesWhereItBelongs) {
  output(0, 1, "one\n");
  output(4, 2, "two\n");
  output(8, 1, std::string("\0\xff", 2));
  take_streams();
  EXPECT_EQ(out_, std::string("one\n\0\xff", 6));
  EXPECT_EQ(err_, "two\n");
  EXPECT_EQ(live_.next_offset(), 10U);
}

TEST_F(LiveOutputTest, WhatComesTwiceIsPrintedOnce) {
  output(0, 1, "abc");
  output(0, 1, "abc");
  output(1, 1, "bcd");
  take_streams();
  EXPECT_EQ(out_, "abcd");
}

TEST_F(LiveOutputTest, AGapIsTold) {
  output(0, 1, "ab");
  live_.take({TaskId{}, "gap", 1, 10, 0, "", {}});
  output(10, 1, "k");
  output(20, 1, "u");
  take_streams();
  EXPECT_EQ(out_, "abku");
  EXPECT_THAT(err_, HasSubstr("8 bytes of output are missing here"));
  EXPECT_THAT(err_, HasSubstr("9 bytes of output are missing here"));
}

TEST_F(LiveOutputTest, TheEndBringsWhatTheEventsDidNot) {
  output(0, 1, "ab");
  model::TaskResult result;
  result.out.bytes = "abcd";
  result.err.bytes = "E";
  live_.finish(result);
  take_streams();
  EXPECT_EQ(out_, "abcd");
  EXPECT_EQ(err_, "E");
}

TEST_F(LiveOutputTest, AfterAGapTheEndCannotTellWhereTheRestBelongs) {
  output(5, 1, "f");
  model::TaskResult result;
  result.out.bytes = "abcdef";
  live_.finish(result);
  take_streams();
  EXPECT_EQ(out_, "f");
}

TEST_F(LiveOutputTest, ANewAttemptBeginsAnew) {
  output(0, 1, "ab");
  live_.take({TaskId{}, "attempt", 2, 0, 0, "", {}});
  output(2, 1, "late", 1);
  output(0, 1, "xy", 2);
  take_streams();
  EXPECT_EQ(out_, "abxy");
  EXPECT_THAT(err_, HasSubstr("attempt 2"));
}

TEST_F(LiveOutputTest, ACutStreamIsTold) {
  output(0, 1, "ab");
  model::TaskResult result;
  result.out = {"ab", 7, true};
  live_.finish(result);
  take_streams();
  EXPECT_THAT(err_, HasSubstr("standard output was cut: 7 bytes"));
}

TEST_F(LiveOutputTest, ACutStreamThatWasSeenWholeIsNot) {
  output(0, 1, "abcdefghi");
  model::TaskResult result;
  result.out = {"ab", 7, true};
  live_.finish(result);
  take_streams();
  EXPECT_EQ(out_, "abcdefghi");
  EXPECT_EQ(err_, "");
}

TEST_F(LiveOutputTest, QuietPrintsNothing) {
  LiveOutput quiet(true, -1);
  quiet.take({TaskId{}, "output", 1, 0, 1, "ab", {}});
  quiet.take({TaskId{}, "gap", 1, 10, 0, "", {}});
  take_streams();
  EXPECT_EQ(out_ + err_, "");
}

}  // namespace
}  // namespace kiln::cli
