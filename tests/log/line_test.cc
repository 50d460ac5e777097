#include "log/line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace kiln::log {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

constexpr int64_t kTime = 1'767'323'045'678'000;  // 2026-01-02T03:04:05.678Z

Line line_of(std::string_view message, Fields fields) {
  return Line{wall_from_micros(kTime), Level::info, "broker", 7, message, fields};
}

TEST(JsonLine, HasTheseKeysInThisOrder) {
  EXPECT_EQ(json_line(line_of("ready", {{"port", 5570}, {"up", true}, {"load", 0.5}})),
            R"({"time":"2026-01-02T03:04:05.678Z","level":"info","process":"broker","pid":7,)"
            R"("message":"ready","port":5570,"up":true,"load":0.5})");
}

TEST(JsonLine, OfAnEventHasTimeLevelNameAndItsFieldsOnly) {
  Fields fields = {{"task_id", "t"}, {"memory_used_mb", std::numeric_limits<double>::quiet_NaN()}};
  Line line{wall_from_micros(kTime), Level::info, "broker", 7, "execution", fields, true};
  EXPECT_EQ(json_line(line), R"({"time":"2026-01-02T03:04:05.678Z","level":"info",)"
                             R"("message":"execution","task_id":"t","memory_used_mb":null})");
  EXPECT_EQ(readable_line(line), "03:04:05.678 broker: execution task_id=t memory_used_mb=null");
}

TEST(JsonLine, EscapesWhatWouldBreakTheLine) {
  const std::string line = json_line(line_of("a\"b\\c\nd\x01\x7f", {}));
  EXPECT_THAT(line, EndsWith(R"("message":"a\"b\\c\nd\u0001\u007f"})"));
}

TEST(JsonLine, ReplacesWhatIsNotUtf8) {
  EXPECT_THAT(json_line(line_of("caf\xC3\xA9 \xF0\x9F\x94\xA5", {})),
              EndsWith("\"caf\xC3\xA9 \xF0\x9F\x94\xA5\"}"));
  // A lone byte, a cut character, an overlong form, a surrogate, beyond U+10FFFF.
  EXPECT_THAT(json_line(line_of("\xFF", {})), EndsWith("\"\xEF\xBF\xBD\"}"));
  EXPECT_THAT(json_line(line_of("\xE2\x82", {})), EndsWith("\"\xEF\xBF\xBD\xEF\xBF\xBD\"}"));
  for (const std::string_view bad :
       {"\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x80\x80\x80"}) {
    EXPECT_THAT(json_line(line_of(bad, {})), Not(HasSubstr(std::string(bad))));
  }
}

TEST(JsonLine, CutsLongValues) {
  const std::string line = json_line(line_of("m", {{"v", std::string(100'000, 'x')}}));
  EXPECT_LT(line.size(), kMaxValueBytes + 200);
  EXPECT_THAT(line, EndsWith("xxx...\"}"));
}

TEST(JsonLine, NumbersKeepTheirRange) {
  const std::string line =
      json_line(line_of("m", {{"least", std::numeric_limits<int64_t>::min()},
                              {"most", std::numeric_limits<uint64_t>::max()},
                              {"nan", std::numeric_limits<double>::quiet_NaN()}}));
  EXPECT_THAT(line, EndsWith("\"least\":-9223372036854775808,\"most\":18446744073709551615,"
                             "\"nan\":null}"));
}

TEST(ReadableLine, IsForPeople) {
  EXPECT_EQ(readable_line(line_of("ready", {{"port", 5570}})),
            "03:04:05.678 broker: ready port=5570");
  Line line = line_of("no", {});
  line.level = Level::error;
  EXPECT_EQ(readable_line(line), "03:04:05.678 broker error: no");
  EXPECT_EQ(readable_line(line_of("\x1b[2J", {})), "03:04:05.678 broker: \\u001b[2J");
}

}  // namespace
}  // namespace kiln::log
