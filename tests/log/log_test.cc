#include "log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

namespace kiln::log {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "log_XXXXXX";
    directory_ = mkdtemp(pattern.data());
    file_ = directory_ + "/kiln.log";
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(directory_);
  }
  Options options(Level level = Level::info) const { return {"broker", file_, level, {}}; }
  std::vector<std::string> lines() const {
    std::ifstream file(file_);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  std::string directory_;
  std::string file_;
};

TEST_F(LogTest, StopWritesEverything) {
  ASSERT_TRUE(start(options()).ok());
  for (int i = 0; i < 100; ++i) info("line", {{"i", i}});
  stop();
  const auto written = lines();
  ASSERT_THAT(written, SizeIs(100));
  EXPECT_THAT(written[99], HasSubstr("\"message\":\"line\",\"i\":99}"));
  EXPECT_THAT(written[0], HasSubstr("\"process\":\"broker\""));
}

TEST_F(LogTest, LevelsAreKept) {
  ASSERT_TRUE(start(options(Level::warning)).ok());
  info("no");
  warning("yes");
  set_level(Level::debug);
  debug("now");
  stop();
  ASSERT_THAT(lines(), SizeIs(2));
}

TEST_F(LogTest, LinesOfManyThreadsStayWhole) {
  ASSERT_TRUE(start(options()).ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 500; ++i) info("from a thread", {{"text", std::string(100, 'x')}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  stop();
  const auto written = lines();
  ASSERT_THAT(written, SizeIs(2'000));
  for (const std::string& line : written) {
    EXPECT_TRUE(line.starts_with("{\"time\":") && line.ends_with("x\"}")) << line;
  }
}

TEST_F(LogTest, BracesAreNoFormat) {
  ASSERT_TRUE(start(options()).ok());
  info("{} {0} {bad", {{"v", "{}"}});
  stop();
  ASSERT_THAT(lines(), SizeIs(1));
  EXPECT_THAT(lines()[0], HasSubstr("\"message\":\"{} {0} {bad\",\"v\":\"{}\""));
}

TEST_F(LogTest, FailureTellsTheError) {
  ASSERT_TRUE(start(options()).ok());
  failure(Level::error, "no store", Error{ErrorCode::io_error, "cannot open", "", "EIO", "Try"});
  stop();
  ASSERT_THAT(lines(), SizeIs(1));
  EXPECT_THAT(lines()[0], HasSubstr("\"code\":\"io_error\""));
  EXPECT_THAT(lines()[0], HasSubstr("cannot open: EIO. Try"));
}

TEST_F(LogTest, TheFileIsPrivateAndAppendedTo) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(start(options()).ok());
    info("again");
    stop();
  }
  EXPECT_THAT(lines(), SizeIs(2));
  struct stat info {};
  ASSERT_EQ(stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(LogTest, AFileThatCannotBeOpenedIsAnError) {
  const Status status = start({"broker", directory_ + "/none/kiln.log", Level::info, {}});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::io_error);
  EXPECT_THAT(status.error().text(), HasSubstr("No such file"));
}

TEST_F(LogTest, WarningsOutsideStartAndStopGoToStandardError) {
  testing::internal::CaptureStderr();
  set_level(Level::info);
  info("not this");
  warning("this");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::EndsWith("kiln warning: this\n"));
}

TEST(LogLevel, NamesAreReadBack) {
  for (const Level level : {Level::debug, Level::info, Level::warning, Level::error}) {
    EXPECT_EQ(parse_level(to_string(level)), level);
  }
  EXPECT_FALSE(parse_level("loud"));
}

}  // namespace
}  // namespace kiln::log
