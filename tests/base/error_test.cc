#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace kiln {
namespace {

TEST(ErrorTest, EveryCodeHasItsOwnWordAndComesBack) {
  for (const ErrorCode code : {
#define KILN_X(name) ErrorCode::name,
           KILN_ERROR_CODES(KILN_X)
#undef KILN_X
       }) {
    EXPECT_FALSE(to_string(code).empty());
    EXPECT_EQ(parse_error_code(to_string(code)), code);
  }
  EXPECT_EQ(to_string(ErrorCode::too_large), "too_large");
  EXPECT_EQ(parse_error_code("no_such_code"), std::nullopt);
  EXPECT_EQ(parse_error_code(""), std::nullopt);
}

TEST(ErrorTest, TextIsOneLineWithWhatThereIs) {
  Error error{ErrorCode::io_error, "cannot open x", "", "", ""};
  EXPECT_EQ(error.text(), "cannot open x");
  error.cause = "No such file";
  EXPECT_EQ(error.text(), "cannot open x: No such file");
  error.hint = "Make it";
  EXPECT_EQ(error.text(), "cannot open x: No such file. Make it");
  error.cause = "It is gone.";
  EXPECT_EQ(error.text(), "cannot open x: It is gone. Make it");
}

TEST(ErrorTest, ErrnoErrorsTellTheSystemsCause) {
  const Error error = errno_error(ErrorCode::io_error, "open /x", ENOENT);
  EXPECT_EQ(error.code, ErrorCode::io_error);
  EXPECT_EQ(error.text(), "cannot open /x: No such file or directory");
}

TEST(ErrorTest, FieldErrorsNameTheField) {
  const Error error = field_error("queue", "queue is empty", "Name one");
  EXPECT_EQ(error.code, ErrorCode::invalid_argument);
  EXPECT_EQ(error.field, "queue");
  EXPECT_EQ(error.text(), "queue is empty. Name one");
}

TEST(ResultTest, IsAValueOrAnError) {
  const Result<int> good = 7;
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 7);
  const Result<int> bad = field_error("f", "m");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().field, "f");
}

TEST(ResultTest, CarriesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(3);
  const std::unique_ptr<int> taken = *std::move(made);
  EXPECT_EQ(*taken, 3);
}

TEST(StatusTest, IsSuccessUntilItHasAnError) {
  EXPECT_TRUE(Status());
  const Status bad = field_error("f", "m");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "m");
}

}  // namespace
}  // namespace kiln
