#include "cli/out_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/cli/temporary.h"

namespace kiln::cli {
namespace {

namespace fs = std::filesystem;

// A file in one piece.
Status put(OutDirectory& out, const std::string& path, const std::string& bytes) {
  return out.put({path, bytes.size(), bytes});
}

OutDirectory opened(const std::string& path) { return std::move(OutDirectory::open(path)).value(); }

TEST(OutDirectory, WritesBelowItAndReplaces) {
  const TestDirectory here;
  OutDirectory out = opened(here.path("out"));
  ASSERT_TRUE(put(out, "a.txt", "1").ok());
  ASSERT_TRUE(put(out, "b/c/d.txt", "2").ok());
  EXPECT_EQ(here.text("out/a.txt"), "1");
  EXPECT_EQ(here.text("out/b/c/d.txt"), "2");
  ASSERT_TRUE(put(out, "a.txt", "other").ok());
  EXPECT_EQ(here.text("out/a.txt"), "other");
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(here.path("out"))) ++entries;
  EXPECT_EQ(entries, 2U) << "no half-written file is left";
}

TEST(OutDirectory, APathThatLeadsOutIsNotWritten) {
  const TestDirectory here;
  OutDirectory out = opened(here.path("out"));
  for (const std::string path : {"../x", "/x", "a/../../x", "", ".", "a//b", "..", "a/."}) {
    const Status status = put(out, path, "1");
    ASSERT_FALSE(status.ok()) << path;
    EXPECT_EQ(status.error().code, ErrorCode::malformed) << path;
  }
  EXPECT_FALSE(fs::exists(here.path("x")));
  EXPECT_TRUE(fs::is_empty(here.path("out")));
}

TEST(OutDirectory, LinksAreNeverFollowed) {
  const TestDirectory here;
  OutDirectory out = opened(here.path("out"));
  here.put("victim", "safe");
  fs::create_directory(here.path("elsewhere"));
  fs::create_symlink(here.path("victim"), here.path("out/file"));
  fs::create_directory_symlink(here.path("elsewhere"), here.path("out/dir"));
  EXPECT_TRUE(put(out, "file", "new").ok());  // the link itself is replaced
  EXPECT_FALSE(put(out, "dir/x", "new").ok());
  EXPECT_EQ(here.text("victim"), "safe");
  EXPECT_EQ(here.text("out/file"), "new");
  EXPECT_FALSE(fs::is_symlink(here.path("out/file")));
  EXPECT_TRUE(fs::is_empty(here.path("elsewhere")));
}

TEST(OutDirectory, OneThatCannotBeWrittenDoesNotStopTheOthers) {
  const TestDirectory here;
  OutDirectory out = opened(here.path("out"));
  fs::create_directory(here.path("out/taken"));
  EXPECT_FALSE(put(out, "taken", "1").ok());
  ASSERT_TRUE(put(out, "free", "2").ok());
  EXPECT_EQ(here.text("out/free"), "2");
}

TEST(OutDirectory, AFileInPiecesIsThereWithItsLast) {
  const TestDirectory here;
  OutDirectory out = opened(here.path("out"));
  ASSERT_TRUE(out.put({"a/big", 6, "abc"}).ok());
  EXPECT_FALSE(fs::exists(here.path("out/a/big")));
  ASSERT_TRUE(out.put({"a/big", 6, "def"}).ok());
  EXPECT_EQ(here.text("out/a/big"), "abcdef");
}

TEST(OutDirectory, WhatIsNotWholeLeavesNothing) {
  const TestDirectory here;
  OutDirectory out = opened(here.path("out"));
  ASSERT_TRUE(out.put({"half", 6, "abc"}).ok());
  ASSERT_TRUE(put(out, "other", "1").ok());  // given up
  EXPECT_FALSE(out.put({"long", 2, "abc"}).ok());
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(here.path("out"))) ++entries;
  EXPECT_EQ(entries, 1U);
}

TEST(OutDirectory, AFileOrNothingInItsPlaceIsAnError) {
  const TestDirectory here;
  here.put("file", "");
  EXPECT_FALSE(OutDirectory::open(here.path("file")).ok());
  EXPECT_FALSE(OutDirectory::open(here.path("no/parent")).ok());
}

}  // namespace
}  // namespace kiln::cli
