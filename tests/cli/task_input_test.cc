#include "cli/task_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace kiln::cli {
namespace {

using testing::HasSubstr;

TEST(Seconds, AreReadToTheMillisecond) {
  EXPECT_EQ(parse_seconds("--timeout", "2").value(), 2'000);
  EXPECT_EQ(parse_seconds("--timeout", "0.5").value(), 500);
  EXPECT_EQ(parse_seconds("--timeout", "1.2345").value(), 1'234);
  EXPECT_EQ(parse_seconds("--timeout", "0.001").value(), 1);
  EXPECT_EQ(parse_seconds("--timeout", "9223372036854774").value(), 9'223'372'036'854'774'000);
}

TEST(Seconds, AnythingElseIsRefused) {
  for (const char* bad :
       {"", "0", "0.0", "0.0001", "-1", "1e3", "+1", " 1", "1 ", ".5", "1.", "nan", "inf", "0x10",
        "1,5", "1.2.3", "9223372036854775808", "9223372036854775", "99999999999999999999999999"}) {
    const auto parsed = parse_seconds("--timeout", bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(parsed.error().field, "--timeout");
    EXPECT_THAT(parsed.error().text(), HasSubstr("--timeout must be "));
  }
}

TEST(Megabytes, AreWholeAndPositive) {
  EXPECT_EQ(parse_megabytes("--memory", "64").value(), 64 * model::kMB);
  for (const char* bad : {"", "0", "-1", "1e3", "0.5", "9223372036854775808", "8796093022208"}) {
    EXPECT_FALSE(parse_megabytes("--memory", bad).ok()) << bad;
  }
}

TEST(TaskIdText, IsAUuid) {
  EXPECT_TRUE(parse_task_id("0190a3c4-7f00-7abc-8def-0123456789ab").ok());
  EXPECT_THAT(parse_task_id("7").error().text(), HasSubstr("\"7\" is no task id"));
}

class TaskInputTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "input_XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& name, const std::string& bytes) const {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  Result<TaskInput> read(const std::string& path, const TaskOptions& options = {}) const {
    return read_task(path, options, languages_, true);
  }
  std::string error_of(const std::string& path, const TaskOptions& options = {}) const {
    const auto spec = read(path, options);
    return spec ? "no error" : spec.error().text();
  }

  std::string directory_;
  config::Languages languages_ = config::default_languages();
};

TEST_F(TaskInputTest, ReadsEverything) {
  TaskOptions options;
  options.args = {"a", ""};
  options.stdin_path = file("in", std::string("x\0y", 3));
  options.timeout = "2";
  options.memory = "64";
  options.files = {file("data.csv", "1,2"), file("x", "z") + ":sub/name"};
  const auto spec = read(file("p.py", "print(1)"), options);
  ASSERT_TRUE(spec.ok()) << spec.error().text();
  EXPECT_EQ(spec->spec.program.language, "python");
  EXPECT_EQ(spec->spec.program.code, "print(1)");
  EXPECT_THAT(spec->spec.program.args, testing::ElementsAre("a", ""));
  EXPECT_EQ(spec->spec.program.stdin_bytes.size(), 3U);
  EXPECT_EQ(spec->spec.program.limits.get("wall_ms"), 2'000);
  EXPECT_EQ(spec->spec.program.limits.get("memory_bytes"), 64 * model::kMB);
  ASSERT_EQ(spec->spec.program.files.size(), 2U);
  EXPECT_EQ(spec->spec.program.files[0].path, "data.csv");
  EXPECT_EQ(spec->spec.program.files[1].path, "sub/name");
}

TEST_F(TaskInputTest, LimitsByTheirNames) {
  TaskOptions options;
  options.limits = {"output_bytes=8388608", "processes=3"};
  const auto input = read(file("p.py", "x"), options);
  ASSERT_TRUE(input.ok()) << input.error().text();
  EXPECT_EQ(input->spec.program.limits.get("output_bytes"), 8'388'608);
  EXPECT_EQ(input->spec.program.limits.get("processes"), 3);
  options.limits = {"output_byte=1"};
  EXPECT_THAT(error_of(file("p.py", "x"), options), HasSubstr("Did you mean \"output_bytes\"?"));
  for (const char* wrong : {"output_bytes", "output_bytes=", "output_bytes=x", "processes=0"}) {
    options.limits = {wrong};
    EXPECT_THAT(error_of(file("p.py", "x"), options), testing::Not("no error")) << wrong;
  }
}

TEST_F(TaskInputTest, TheLanguageIsTheExtensionsUnlessSaid) {
  EXPECT_EQ(read(file("p.sh", "true"))->spec.program.language, "bash");
  TaskOptions bash;
  bash.language = "bash";
  EXPECT_EQ(read(file("p.py", "true"), bash)->spec.program.language, "bash");
  EXPECT_THAT(error_of(file("p.cobol", "x")),
              HasSubstr("Add --language with one of: bash c cpp javascript python"));
  EXPECT_THAT(error_of(file("p", "x")), HasSubstr("Add --language"));
  TaskOptions wrong;
  wrong.language = "pyton";
  EXPECT_EQ(error_of(file("p.py", "x"), wrong),
            "unknown language \"pyton\". Did you mean \"python\"? Allowed: python, bash, c, cpp, "
            "javascript");
}

TEST_F(TaskInputTest, ALanguageUnknownHereMayBeKnownToTheBroker) {
  TaskOptions options;
  options.language = "cobol";
  const auto spec = read_task(file("p.cob", "x"), options, languages_, false);
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->spec.program.language, "cobol");
}

TEST_F(TaskInputTest, BadProgramsAreNamed) {
  EXPECT_THAT(error_of(directory_ + "/none.py"), HasSubstr("No such file"));
  std::filesystem::create_directory(directory_ + "/d.py");
  EXPECT_THAT(error_of(directory_ + "/d.py"), HasSubstr("is a directory"));
  EXPECT_THAT(error_of(file("big.py", std::string(20U << 20U, '#'))),
              HasSubstr("larger than 1048576 bytes"));
  EXPECT_THAT(error_of(file("latin.py", "print('caf\xE9')")), HasSubstr("UTF-8"));
  EXPECT_THAT(error_of(file("empty.py", "")), HasSubstr("empty"));
}

TEST_F(TaskInputTest, BadFilesAreNamed) {
  const std::string program = file("p.py", "x");
  TaskOptions options;
  options.files = {file("big", "")};
  std::filesystem::resize_file(directory_ + "/big", 257 * model::kMB);
  EXPECT_THAT(error_of(program, options), HasSubstr("but /box has 268435456"));
  options.files = {file("x", "y") + ":../up"};
  EXPECT_THAT(error_of(program, options), HasSubstr("../up"));
  options.files = {"-"};
  EXPECT_THAT(error_of(program, options), HasSubstr("no standard input"));
  options = {};
  options.stdin_path = directory_ + "/none";
  EXPECT_THAT(error_of(program, options), HasSubstr("No such file"));
}

TEST_F(TaskInputTest, StandardInputIsReadOnce) {
  TaskOptions options;
  options.language = "python";
  options.stdin_path = "-";
  EXPECT_THAT(error_of("-", options), HasSubstr("cannot be both"));
}

}  // namespace
}  // namespace kiln::cli
