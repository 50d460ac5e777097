#include "cli/directories.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace kiln::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct stat status_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info;
}

class DirectoriesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "dirs_XXXXXX";
    directory_ = mkdtemp(pattern.data());
    const auto user = service_user();
    ASSERT_TRUE(user.ok());
    user_ = *user;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  User user_;
};

TEST_F(DirectoriesTest, AMissingDataDirectoryIsMadePrivate) {
  const std::string path = directory_ + "/a/b/data";
  ASSERT_TRUE(prepare_data_directory(path, user_).ok());
  const auto info = status_of(path);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  EXPECT_EQ(info.st_uid, user_.uid);
  EXPECT_TRUE(prepare_data_directory(path, user_).ok()) << "and taken as it is the next time";
}

TEST_F(DirectoriesTest, AnOpenOneIsClosed) {
  const std::string path = directory_ + "/data";
  ASSERT_TRUE(prepare_data_directory(path, user_).ok());
  ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  ASSERT_TRUE(prepare_data_directory(path, user_).ok());
  EXPECT_EQ(status_of(path).st_mode & 07777U, 0700U);
}

TEST_F(DirectoriesTest, OneOfSomebodyElseIsRefused) {
  const std::string path = directory_ + "/data";
  ASSERT_TRUE(prepare_data_directory(path, user_).ok());
  std::ofstream(path + "/kiln.db") << "x";
  User other = user_;
  other.uid += 1;
  other.name = "other";
  const Status status = prepare_data_directory(path, other);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().text(), HasSubstr("chown -R other " + path));
}

TEST_F(DirectoriesTest, AFileOrALinkIsRefused) {
  std::ofstream(directory_ + "/file") << "x";
  EXPECT_FALSE(prepare_data_directory(directory_ + "/file", user_).ok());
  EXPECT_FALSE(prepare_data_directory(directory_ + "/file/below", user_).ok());
  std::filesystem::create_symlink("/tmp", directory_ + "/link");
  EXPECT_FALSE(prepare_data_directory(directory_ + "/link", user_).ok());
}

TEST_F(DirectoriesTest, TheDefaultFollowsTheStateHome) {
  if (is_root()) {
    EXPECT_EQ(default_data_directory(), "/var/lib/kiln");
  } else {
    setenv("XDG_STATE_HOME", "/x", 1);
    EXPECT_EQ(default_data_directory(), "/x/kiln");
  }
}

TEST_F(DirectoriesTest, ATemporaryOneIsPrivateAndGoesWithItsOwner) {
  setenv("TMPDIR", directory_.c_str(), 1);
  std::string path;
  {
    const auto made = TemporaryDirectory::make();
    ASSERT_TRUE(made.ok());
    path = made->path();
    EXPECT_THAT(path, StartsWith(directory_ + "/kiln-run-"));
    EXPECT_EQ(status_of(path).st_mode & 07777U, 0700U);
    std::ofstream(path + "/inside") << "x";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  unsetenv("TMPDIR");
}

TEST_F(DirectoriesTest, ATmpdirThatDoesNotServeIsPassedOver) {
  for (const std::string& bad :
       {std::string("/proc/none"), std::string("relative"), "/" + std::string(90, 'x')}) {
    setenv("TMPDIR", bad.c_str(), 1);
    const auto made = TemporaryDirectory::make();
    ASSERT_TRUE(made.ok()) << bad;
    EXPECT_THAT(made->path(), StartsWith("/tmp/kiln-run-"));
  }
  unsetenv("TMPDIR");
}

}  // namespace
}  // namespace kiln::cli
