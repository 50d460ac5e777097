#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "model/task.h"

namespace kiln::model {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Change = std::function<void(TaskSpec&)>;

TaskSpec good_spec() {
  TaskSpec spec;
  spec.program.language = "python";
  spec.program.code = "print(1)";
  return spec;
}

// The error of a spec that is good but for `change`; an empty message if there is none.
Error error_of(const Change& change) {
  TaskSpec spec = good_spec();
  change(spec);
  const Status done = validate(spec);
  return done ? Error{} : done.error();
}

void expect_good(const Change& change) { EXPECT_EQ(error_of(change).text(), ""); }

void expect_bad(const std::string& field, const Change& change,
                ErrorCode code = ErrorCode::invalid_argument) {
  const Error error = error_of(change);
  EXPECT_EQ(error.code, code) << error.text();
  EXPECT_EQ(error.field, field) << error.text();
  EXPECT_NE(error.message, "");
  EXPECT_THAT(error.text(), Not(HasSubstr("\n")));
}

TEST(ValidateTest, ASmallTaskIsGood) {
  expect_good([](TaskSpec&) {});
}

TEST(ValidateTest, Names) {
  for (const std::string& name : {std::string("a"), std::string("A-z_0.9"), std::string(64, 'q')}) {
    expect_good([&](TaskSpec& s) { s.queue = name; });
    expect_good([&](TaskSpec& s) { s.tenant = name; });
    expect_good([&](TaskSpec& s) { s.program.language = name; });
  }
  for (const std::string& name :
       {std::string(), std::string(65, 'q'), std::string("a/b"), std::string("/"),
        std::string("a b"), std::string("a\0b", 3), std::string("a\nb"), std::string("\xC3\xB6"),
        std::string("\xFF")}) {
    expect_bad("queue", [&](TaskSpec& s) { s.queue = name; });
    expect_bad("tenant", [&](TaskSpec& s) { s.tenant = name; });
    expect_bad("language", [&](TaskSpec& s) { s.program.language = name; });
  }
}

TEST(ValidateTest, ABadNameIsShownSafely) {
  const Error error = error_of([](TaskSpec& s) { s.queue = "a/\x1B[31m" + std::string(500, 'x'); });
  EXPECT_THAT(error.message, HasSubstr("'a/?[31m"));
  EXPECT_LT(error.message.size(), 100U);
}

TEST(ValidateTest, TheIdIsNotNil) {
  expect_good([](TaskSpec& s) { s.id = TaskId{{1}}; });
  expect_bad("id", [](TaskSpec& s) { s.id = TaskId{}; });
}

TEST(ValidateTest, Numbers) {
  for (const int value : {0, 10}) expect_good([=](TaskSpec& s) { s.priority = value; });
  for (const int value :
       {-1, 11, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()}) {
    expect_bad("priority", [=](TaskSpec& s) { s.priority = value; });
  }
  for (const int value : {0, kMaxRetries}) expect_good([=](TaskSpec& s) { s.max_retries = value; });
  for (const int value : {-1, kMaxRetries + 1, std::numeric_limits<int>::max()}) {
    expect_bad("max_retries", [=](TaskSpec& s) { s.max_retries = value; });
  }
}

TEST(ValidateTest, DelaysAndTimes) {
  for (const uint32_t value : {1U, kMaxRetryDelayMs})
    expect_good([=](TaskSpec& s) { s.retry_delay_ms = value; });
  for (const uint32_t value : {0U, kMaxRetryDelayMs + 1})
    expect_bad("retry_delay_ms", [=](TaskSpec& s) { s.retry_delay_ms = value; });
  for (const uint64_t value : {uint64_t{0}, kMaxLaterMs + 1}) {
    expect_bad("countdown_ms", [=](TaskSpec& s) { s.countdown_ms = value; });
    expect_bad("expires_in_ms", [=](TaskSpec& s) { s.expires_in_ms = value; });
  }
  expect_bad("countdown_ms", [](TaskSpec& s) {
    s.eta = wall_from_micros(1);
    s.countdown_ms = 1;
  });
  expect_bad("expires_in_ms", [](TaskSpec& s) {
    s.expires = wall_from_micros(1);
    s.expires_in_ms = 1;
  });
}

TEST(ValidateTest, Code) {
  expect_good([](TaskSpec& s) { s.program.code = "\xEF\xBB\xBF\xF0\x9F\x94\xA5"; });
  expect_good([](TaskSpec& s) { s.program.code = std::string(kMaxCodeBytes, 'x'); });
  expect_bad("code", [](TaskSpec& s) { s.program.code = ""; });
  expect_bad("code", [](TaskSpec& s) { s.program.code = "print('\xFF')"; });
  expect_bad(
      "code", [](TaskSpec& s) { s.program.code = std::string(kMaxCodeBytes + 1, 'x'); },
      ErrorCode::too_large);
}

TEST(ValidateTest, StdinIsAnyBytesUpToItsBound) {
  expect_good([](TaskSpec& s) { s.program.stdin_bytes = std::string("\0\xFF", 2); });
  expect_good([](TaskSpec& s) { s.program.stdin_bytes = std::string(kMaxStdinBytes, 'x'); });
  expect_bad(
      "stdin", [](TaskSpec& s) { s.program.stdin_bytes = std::string(kMaxStdinBytes + 1, 'x'); },
      ErrorCode::too_large);
}

TEST(ValidateTest, Arguments) {
  expect_good([](TaskSpec& s) { s.program.args = {"", "\xFF", "a b"}; });
  expect_good([](TaskSpec& s) { s.program.args.assign(kMaxArguments, "x"); });
  expect_bad("args", [](TaskSpec& s) { s.program.args = {"ok", std::string("a\0b", 3)}; });
  expect_bad(
      "args", [](TaskSpec& s) { s.program.args.assign(kMaxArguments + 1, "x"); },
      ErrorCode::too_large);
  expect_bad(
      "args", [](TaskSpec& s) { s.program.args = {std::string(kMaxTextBytes + 1, 'x')}; },
      ErrorCode::too_large);
}

TEST(ValidateTest, Environment) {
  expect_good([](TaskSpec& s) { s.program.env = {{"A", ""}, {"b c", "=x="}}; });
  for (const EnvVar& bad : {EnvVar{"", "x"}, EnvVar{"A=B", "x"}, EnvVar{std::string("A\0", 2), "x"},
                            EnvVar{"A", std::string("\0", 1)}}) {
    expect_bad("env", [&](TaskSpec& s) { s.program.env = {bad}; });
  }
  expect_bad(
      "env",
      [](TaskSpec& s) {
        s.program.env.assign(kMaxEnvironment + 1, {"A", ""});
      },
      ErrorCode::too_large);
  expect_bad(
      "env",
      [](TaskSpec& s) {
        s.program.env = {{"A", std::string(kMaxTextBytes, 'x')}};
      },
      ErrorCode::too_large);
}

TEST(ValidateTest, FilePaths) {
  for (const std::string& path :
       {std::string("a"), std::string("a/b/c.txt"), std::string("..a/b.."), std::string("..."),
        std::string(".hidden"), std::string(255, 'n'), std::string("new\nline"),
        std::string("\xFF")}) {
    expect_good([&](TaskSpec& s) { s.program.files = {{path, "x"}}; });
  }
  for (const std::string& path :
       {std::string(), std::string("/"), std::string("/etc/passwd"), std::string(".."),
        std::string("../a"), std::string("a/.."), std::string("a/../b"), std::string("."),
        std::string("./a"), std::string("a/./b"), std::string("a//b"), std::string("a/"),
        std::string("a\0b", 3), std::string("\0", 1), std::string(256, 'n'),
        "a/" + std::string(256, 'n')}) {
    expect_bad("files", [&](TaskSpec& s) { s.program.files = {{path, "x"}}; });
  }
  std::string deep = "d";
  while (deep.size() <= kMaxPathBytes) deep += "/d";
  expect_bad("files", [&](TaskSpec& s) { s.program.files = {{deep, "x"}}; });
}

TEST(ValidateTest, Files) {
  expect_good([](TaskSpec& s) {
    s.program.files = {{"a", std::string(kMaxInlineFileBytes, 'x')}, {"b", ""}};
  });
  expect_bad("files", [](TaskSpec& s) { s.program.files = {{"a", "1"}, {"b", ""}, {"a", "2"}}; });
  expect_bad(
      "files[a]",
      [](TaskSpec& s) {
        s.program.files = {{"a", std::string(kMaxInlineFileBytes + 1, 'x')}};
      },
      ErrorCode::too_large);
  expect_bad(
      "files",
      [](TaskSpec& s) {
        for (size_t i = 0; i <= kMaxFiles; ++i) s.program.files.push_back({std::to_string(i), ""});
      },
      ErrorCode::too_large);
}

// A file cannot be a directory at the same time, whichever is named first.
TEST(ValidateTest, AFileInsideAFileIsRefused) {
  expect_bad("files", [](TaskSpec& s) { s.program.files = {{"a", ""}, {"a/b", ""}}; });
  expect_bad("files", [](TaskSpec& s) {
    s.program.files = {{"a/b/c", ""}, {"a-", ""}, {"a", ""}};
  });
  expect_good([](TaskSpec& s) { s.program.files = {{"a-", ""}, {"a/b", ""}, {"ab", ""}}; });
}

TEST(Utf8Test, FollowsRfc3629) {
  for (const char* text :
       {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  EXPECT_TRUE(is_utf8(std::string("\0", 1)));
  for (const char* text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2z", "\xE0\x9F\xBF", "\xE0\xA0",
        "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFE", "\xFF", "a\xE2\x82"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

}  // namespace
}  // namespace kiln::model
