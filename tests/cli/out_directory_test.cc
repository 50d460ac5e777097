#include "cli/out_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/cli/temporary.h"

namespace kiln::cli {
namespace {

namespace fs = std::filesystem;

model::Artifact artifact(const std::string& path, const std::string& bytes) {
  return {path, bytes.size(), bytes};
}

OutDirectory opened(const std::string& path) { return std::move(OutDirectory::open(path)).value(); }

TEST(OutDirectory, WritesBelowItAndReplaces) {
  const TestDirectory here;
  const OutDirectory out = opened(here.path("out"));
  ASSERT_TRUE(out.write_all({artifact("a.txt", "1"), artifact("b/c/d.txt", "2")}).ok());
  EXPECT_EQ(here.text("out/a.txt"), "1");
  EXPECT_EQ(here.text("out/b/c/d.txt"), "2");
  ASSERT_TRUE(out.write(artifact("a.txt", "other")).ok());
  EXPECT_EQ(here.text("out/a.txt"), "other");
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(here.path("out"))) ++entries;
  EXPECT_EQ(entries, 2U) << "no half-written file is left";
}

TEST(OutDirectory, APathThatLeadsOutIsNotWritten) {
  const TestDirectory here;
  const OutDirectory out = opened(here.path("out"));
  for (const std::string path : {"../x", "/x", "a/../../x", "", ".", "a//b", "..", "a/."}) {
    const Status status = out.write(artifact(path, "1"));
    ASSERT_FALSE(status.ok()) << path;
    EXPECT_EQ(status.error().code, ErrorCode::malformed) << path;
  }
  EXPECT_FALSE(fs::exists(here.path("x")));
  EXPECT_TRUE(fs::is_empty(here.path("out")));
}

TEST(OutDirectory, LinksAreNeverFollowed) {
  const TestDirectory here;
  const OutDirectory out = opened(here.path("out"));
  here.put("victim", "safe");
  fs::create_directory(here.path("elsewhere"));
  fs::create_symlink(here.path("victim"), here.path("out/file"));
  fs::create_directory_symlink(here.path("elsewhere"), here.path("out/dir"));
  EXPECT_TRUE(out.write(artifact("file", "new")).ok());  // the link itself is replaced
  EXPECT_FALSE(out.write(artifact("dir/x", "new")).ok());
  EXPECT_EQ(here.text("victim"), "safe");
  EXPECT_EQ(here.text("out/file"), "new");
  EXPECT_FALSE(fs::is_symlink(here.path("out/file")));
  EXPECT_TRUE(fs::is_empty(here.path("elsewhere")));
}

TEST(OutDirectory, OneThatCannotBeWrittenDoesNotStopTheOthers) {
  const TestDirectory here;
  const OutDirectory out = opened(here.path("out"));
  fs::create_directory(here.path("out/taken"));
  EXPECT_FALSE(out.write_all({artifact("taken", "1"), artifact("free", "2")}).ok());
  EXPECT_EQ(here.text("out/free"), "2");
}

TEST(OutDirectory, AFileOrNothingInItsPlaceIsAnError) {
  const TestDirectory here;
  here.put("file", "");
  EXPECT_FALSE(OutDirectory::open(here.path("file")).ok());
  EXPECT_FALSE(OutDirectory::open(here.path("no/parent")).ok());
}

}  // namespace
}  // namespace kiln::cli
