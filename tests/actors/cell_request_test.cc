#include "actors/cell_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actors/language_probe.h"

namespace kiln::actors {
namespace {

using testing::Contains;
using testing::ElementsAre;

const config::Language& python() {
  static const config::Languages languages = config::default_languages();
  return *languages.find("python");
}

const config::Language& c() {
  static const config::Languages languages = config::default_languages();
  return *languages.find("c");
}

TEST(CellRequest, IsTheLanguagesCommandWithSourceAndArguments) {
  model::Program program;
  program.code = "print(1)";
  program.args = {"a", "b c"};
  program.stdin_bytes = "in";
  program.files = {{"data.txt", "d"}};
  const sandbox::CellRequest request = make_cell_request(python(), program);
  EXPECT_THAT(request.argv, ElementsAre("/usr/bin/python3", "/box/main.py", "a", "b c"));
  EXPECT_EQ(request.stdin_bytes, "in");
  EXPECT_THAT(request.files, ElementsAre(model::InputFile{"data.txt", "d"},
                                         model::InputFile{"main.py", "print(1)"}));
  EXPECT_EQ(request.limits, model::resolve_limits({}));
}

TEST(CellRequest, LetsTheTaskReplaceAVariableButNotHaveItTwice) {
  model::Program program;
  program.env = {{"HOME", "/box/home"}, {"MORE", "1"}};
  const sandbox::CellRequest request = make_cell_request(python(), program);
  EXPECT_THAT(request.env, Contains(model::EnvVar{"HOME", "/box/home"}).Times(1));
  EXPECT_THAT(request.env, Contains(testing::Field(&model::EnvVar::name, "HOME")).Times(1));
  EXPECT_THAT(request.env, Contains(model::EnvVar{"MORE", "1"}));
}

TEST(CellRequest, OfACompiledLanguageIsTheProgramWithoutItsSource) {
  model::Program program;
  program.code = "int main() {}";
  program.args = {"a"};
  program.files = {{"data.txt", "d"}};
  const sandbox::CellRequest request = make_cell_request(c(), program,
                                                         {{"program",
                                                           "\x7f"
                                                           "ELF"}});
  EXPECT_THAT(request.argv, ElementsAre("/box/program", "a"));
  EXPECT_THAT(request.files, ElementsAre(model::InputFile{"data.txt", "d"}));
  EXPECT_THAT(request.programs, ElementsAre(model::InputFile{"program",
                                                             "\x7f"
                                                             "ELF"}));
  EXPECT_GT(request.collect_file_bytes, 0U);
}

TEST(CellRequest, CompilesWithoutWhatIsForTheRun) {
  model::Program program;
  program.code = "int main() {}";
  program.args = {"a"};
  program.stdin_bytes = "in";
  program.env = {{"CPATH", "/box"}};
  program.files = {{"part.h", "int x;"}};
  ASSERT_TRUE(program.limits.set("wall_ms", 1).ok());
  const sandbox::CellRequest request = make_compile_request(c(), program);
  EXPECT_THAT(request.argv,
              testing::IsSupersetOf({"/usr/bin/gcc", "/box/main.c", "/box/out/program"}));
  EXPECT_THAT(request.env, testing::Not(Contains(testing::Field(&model::EnvVar::name, "CPATH"))));
  EXPECT_EQ(request.stdin_bytes, "");
  EXPECT_THAT(request.files, ElementsAre(model::InputFile{"part.h", "int x;"},
                                         model::InputFile{"main.c", "int main() {}"}));
  EXPECT_GT(request.limits.wall_ms, 1);
  EXPECT_EQ(request.limits.soft_ms, 0);
  EXPECT_TRUE(request.programs.empty());
}

TEST(CellRequest, TakesALanguagesLimitWhereTheTaskSaysNothing) {
  const config::Languages languages = config::default_languages();
  const config::Language& javascript = *languages.find("javascript");
  model::Program program;
  EXPECT_EQ(make_cell_request(javascript, program).limits.processes, 32);
  ASSERT_TRUE(program.limits.set("processes", 20).ok());
  EXPECT_EQ(make_cell_request(javascript, program).limits.processes, 20);
}

TEST(CellRequest, EachCellOfALanguageHasItsSyscallProfile) {
  config::Language language = c();
  language.syscalls = model::SyscallProfile::personality;
  EXPECT_EQ(make_cell_request(language, {}).syscalls, language.syscalls);
  EXPECT_EQ(make_compile_request(language, {}).syscalls, language.syscalls);
  EXPECT_EQ(make_detect_request(language).syscalls, language.syscalls);
}

TEST(CellRequest, DetectsALanguageWithNothingElseInTheCell) {
  const sandbox::CellRequest request = make_detect_request(python());
  EXPECT_THAT(request.argv, ElementsAre("/usr/bin/python3", "--version"));
  EXPECT_TRUE(request.files.empty());
  EXPECT_LE(request.limits.wall_ms, 10'000);
}

TEST(LanguageProbe, FindsTheVersionInTheFirstLine) {
  EXPECT_EQ(version_in("Python 3.11.2\n"), "3.11.2");
  EXPECT_EQ(version_in("GNU bash, version 5.2.15(1)-release (x86)\nmore 7"), "5.2.15");
  EXPECT_EQ(version_in("tool 4."), "4");
  EXPECT_EQ(version_in("no number\n1.0"), std::nullopt);
  EXPECT_EQ(version_in(""), std::nullopt);
}

}  // namespace
}  // namespace kiln::actors
