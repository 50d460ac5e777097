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
  std::vector<Upload> uploads;
  const Status status = read_input_files(option, files, uploads);
  EXPECT_TRUE(status.ok()) << status.error().text();
  return names_of(files);
}

std::string refusal(const std::string& option) {
  std::vector<model::InputFile> files;
  std::vector<Upload> uploads;
  const Status status = read_input_files(option, files, uploads);
  return status.ok() ? "" : status.error().text();
}

TEST(InputFiles, AFileHasItsOwnNameOrTheGivenOne) {
  const TestDirectory here;
  here.put("words.txt", "a b");
  EXPECT_THAT(names(here.path("words.txt")), ElementsAre("words.txt"));
  EXPECT_THAT(names(here.path("words.txt") + ":in/other.txt"), ElementsAre("in/other.txt"));
  std::vector<model::InputFile> files;
  std::vector<Upload> uploads;
  ASSERT_TRUE(read_input_files(here.path("words.txt"), files, uploads).ok());
  EXPECT_EQ(files[0].bytes, "a b");
  EXPECT_TRUE(uploads.empty());
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

TEST(InputFiles, WhatIsLargeBecomesABlob) {
  const TestDirectory here;
  const std::string bytes(model::kMaxInlineFileBytes + 1, 'x');
  here.put("data/large", bytes);
  here.put("data/small", std::string(model::kMaxInlineFileBytes, 'x'));
  std::vector<model::InputFile> files;
  std::vector<Upload> uploads;
  ASSERT_TRUE(read_input_files(here.path("data"), files, uploads).ok());
  ASSERT_THAT(names_of(files), ElementsAre("data/large", "data/small"));
  EXPECT_EQ(files[0].blob, (model::BlobRef{sha256(bytes), bytes.size()}));
  EXPECT_TRUE(files[0].bytes.empty());
  EXPECT_FALSE(files[1].blob);
  ASSERT_EQ(uploads.size(), 1U);
  EXPECT_EQ(uploads[0].blob, *files[0].blob);
}

TEST(InputFiles, TooMuchIsRefusedByTheLimit) {
  const TestDirectory here;
  here.put("large", "");
  std::filesystem::resize_file(here.path("large"), model::kMaxBlobBytes + 1);  // sparse
  EXPECT_THAT(refusal(here.path("large")), HasSubstr("larger than 1073741824 bytes"));
  for (size_t i = 0; i <= model::kMaxFiles; ++i) here.put("many/" + std::to_string(i), "");
  EXPECT_THAT(refusal(here.path("many")), HasSubstr(std::to_string(model::kMaxFiles)));
}

}  // namespace
}  // namespace kiln::cli
