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
