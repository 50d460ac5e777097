#include "cli/input_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/cli/temporary.h"

namespace kiln::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names_of(const std::vector<model::InputFile>& files) {
  std::vector<std::string> names;
  for (const model::InputFile& file : files) names.push_back(file.path);
  return names;
}

std::vector<std::string> names(const std::string& option) {
  std::vector<model::InputFile> files;
  const Status status = read_input_files(option, files);
  EXPECT_TRUE(status.ok()) << status.error().text();
  return names_of(files);
}

std::string refusal(const std::string& option) {
  std::vector<model::InputFile> files;
  const Status status = read_input_files(option, files);
  return status.ok() ? "" : status.error().text();
}

TEST(InputFiles, AFileHasItsOwnNameOrTheGivenOne) {
  const TestDirectory here;
  here.put("words.txt", "a b");
  EXPECT_THAT(names(here.path("words.txt")), ElementsAre("words.txt"));
  EXPECT_THAT(names(here.path("words.txt") + ":in/other.txt"), ElementsAre("in/other.txt"));
  std::vector<model::InputFile> files;
  ASSERT_TRUE(read_input_files(here.path("words.txt"), files).ok());
  EXPECT_EQ(files[0].bytes, "a b");
}

TEST(InputFiles, ADirectoryGoesWithAllBelowIt) {
  const TestDirectory here;
  here.put("data/b", "1");
  here.put("data/a/c", "2");
  EXPECT_THAT(names(here.path("data")), ElementsAre("data/a/c", "data/b"));
  EXPECT_THAT(names(here.path("data") + "/"), ElementsAre("data/a/c", "data/b"));
  EXPECT_THAT(names(here.path("data") + ":x"), ElementsAre("x/a/c", "x/b"));
  EXPECT_THAT(names(here.path("data") + ":."), ElementsAre("a/c", "b"));
}

TEST(InputFiles, WhatIsNoFileIsRefusedByName) {
  const TestDirectory here;
  here.put("data/a", "1");
  std::filesystem::create_symlink("/etc/passwd", here.path("data/link"));
  EXPECT_THAT(refusal(here.path("data")), HasSubstr("link is a symbolic link"));
  std::filesystem::remove(here.path("data/link"));
  ASSERT_EQ(mkfifo(here.path("data/pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal(here.path("data")), HasSubstr("pipe is no regular file"));
  EXPECT_THAT(refusal(here.path("missing")), HasSubstr("missing"));
  EXPECT_THAT(refusal("-"), HasSubstr("no standard input"));
}

TEST(InputFiles, TooMuchIsRefusedByTheLimit) {
  const TestDirectory here;
  here.put("large", std::string(model::kMaxInlineFileBytes + 1, 'x'));
  EXPECT_THAT(refusal(here.path("large")), HasSubstr("large"));
  for (size_t i = 0; i <= model::kMaxFiles; ++i) here.put("many/" + std::to_string(i), "");
  EXPECT_THAT(refusal(here.path("many")), HasSubstr(std::to_string(model::kMaxFiles)));
}

}  // namespace
}  // namespace kiln::cli
