#include "config/languages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace kiln::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr std::string_view kGood = R"(languages:
  toy:
    extensions: [toy]
    source: main.toy
    detect: [/usr/bin/toy, -v]
    run: [/usr/bin/toy, "{source}"]
    env: {TOY: "1"}
    install: apt-get install toy
)";

std::string with(std::string_view from, std::string_view to) {
  std::string text(kGood);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& text) {
  const auto parsed = parse_languages(text, "l.yaml");
  if (parsed) return "no error";
  EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(parsed.error().text().find('\n'), std::string::npos) << "one line";
  return parsed.error().text();
}

TEST(Languages, BuiltInOnes) {
  const Languages languages = default_languages();
  EXPECT_EQ(languages.names(), "bash c cpp javascript python");
  const Language* python = languages.find("python");
  ASSERT_NE(python, nullptr);
  EXPECT_THAT(python->run, ElementsAre("/usr/bin/python3", "{source}"));
  EXPECT_EQ(python->source, "main.py");
  EXPECT_TRUE(python->env.empty());
  EXPECT_EQ(languages.find_by_extension("py"), python);
  EXPECT_EQ(languages.find_by_extension("sh"), languages.find("bash"));
  EXPECT_EQ(languages.find_by_extension(""), nullptr);
  EXPECT_EQ(languages.find("Python"), nullptr);
}

TEST(Languages, ReadsEveryKey) {
  const auto languages = parse_languages(kGood, "l.yaml");
  ASSERT_TRUE(languages.ok()) << languages.error().text();
  const Language& toy = languages->all().at(0);
  EXPECT_EQ(toy.name, "toy");
  EXPECT_THAT(toy.extensions, ElementsAre("toy"));
  EXPECT_THAT(toy.detect, ElementsAre("/usr/bin/toy", "-v"));
  EXPECT_THAT(toy.env, ElementsAre(Pair("TOY", "1")));
  EXPECT_EQ(toy.install_hint, "apt-get install toy");
}

constexpr std::string_view kCompiled = R"(languages:
  toy:
    extensions: [toy]
    source: main.toy
    detect: [/usr/bin/toyc, -v]
    compile: [/usr/bin/toyc, -o, "{output}", "{source}"]
    compile_limits: {wall_ms: 5000}
    run: ["{program}", -x]
    limits: {processes: 32}
    install: apt-get install toy
)";

std::string compiled_with(std::string_view from, std::string_view to) {
  std::string text(kCompiled);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Languages, ReadsACompileStepAndLimits) {
  const auto languages = parse_languages(kCompiled, "l.yaml");
  ASSERT_TRUE(languages.ok()) << languages.error().text();
  const Language& toy = languages->all().at(0);
  EXPECT_THAT(toy.compile, ElementsAre("/usr/bin/toyc", "-o", "{output}", "{source}"));
  EXPECT_THAT(toy.run, ElementsAre("{program}", "-x"));
  EXPECT_EQ(toy.compile_limits.get("wall_ms"), 5'000);
  EXPECT_EQ(toy.limits.get("processes"), 32);
  EXPECT_EQ(toy.limits.get("wall_ms"), std::nullopt);
}

TEST(Languages, WrongCompileStepsAndLimitsNameTheField) {
  EXPECT_THAT(error_of(compiled_with("/usr/bin/toyc, -o", "toyc, -o")), HasSubstr("absolute path"));
  EXPECT_THAT(error_of(compiled_with("\"{output}\"", "x")), HasSubstr("{output}"));
  EXPECT_THAT(error_of(compiled_with("\"{source}\"", "x")), HasSubstr("{source}"));
  EXPECT_THAT(error_of(compiled_with("\"{program}\"", "program")), HasSubstr("{program}"));
  EXPECT_THAT(error_of(compiled_with("\"{program}\"", "/usr/bin/toy")), HasSubstr("{program}"));
  EXPECT_THAT(error_of(compiled_with("processes: 32", "proceses: 32")),
              HasSubstr("there is no limit 'proceses'"));
  EXPECT_THAT(error_of(compiled_with("processes: 32", "processes: 0")),
              HasSubstr("must be at least 1"));
  EXPECT_THAT(error_of(compiled_with("processes: 32", "processes: many")),
              HasSubstr("whole numbers"));
  EXPECT_THAT(error_of(compiled_with("{processes: 32}", "32")), HasSubstr("map of limits"));
  EXPECT_THAT(error_of(with("    env:", "    compile_limits: {wall_ms: 1}\n    env:")),
              HasSubstr("nothing is compiled"));
}

TEST(Languages, ASyscallProfileIsOneOfTheList) {
  const auto languages =
      parse_languages(with("    env:", "    syscalls: personality\n    env:"), "l.yaml");
  ASSERT_TRUE(languages.ok()) << languages.error().text();
  EXPECT_EQ(languages->all().at(0).syscalls, model::SyscallProfile::personality);
  EXPECT_EQ(default_languages().find("python")->syscalls, model::SyscallProfile::base);
  EXPECT_THAT(error_of(with("    env:", "    syscalls: all\n    env:")),
              HasSubstr("must be one of base, personality, inotify"));
}

TEST(Languages, UnknownKeyNamesTheRightOne) {
  EXPECT_EQ(error_of(with("extensions:", "extenions:")),
            "l.yaml:3:5: unknown key \"extenions\" in \"languages.toy\". Did you mean "
            "\"extensions\"? Allowed: extensions, source, detect, run, install, env, compile, "
            "limits, compile_limits, syscalls, warm");
  EXPECT_THAT(error_of(with("languages:", "language:")), HasSubstr("Did you mean \"languages\"?"));
}

TEST(Languages, KeyTwice) {
  EXPECT_EQ(error_of(with("    source:", "    install: x\n    source:")),
            "l.yaml:9:5: \"install\" stands here twice. Keep one of them");
}

TEST(Languages, TabInTheIndentation) {
  EXPECT_EQ(error_of(with("    source:", "\tsource:")),
            "l.yaml:4:1: a tab in the indentation. YAML is indented by spaces: replace the tab");
}

TEST(Languages, BrokenYamlSaysWhere) {
  EXPECT_THAT(error_of(with("[toy]", "[toy")), HasSubstr("l.yaml:4:"));
  EXPECT_THAT(error_of("languages: *nowhere"), HasSubstr("l.yaml:1:"));
  EXPECT_THAT(error_of("{a: 1}: 2"), HasSubstr("a key that is not a word"));
}

TEST(Languages, WrongValuesNameTheField) {
  EXPECT_THAT(error_of(""), HasSubstr("the file must be a map"));
  EXPECT_THAT(error_of("languages: {}"), HasSubstr("an entry for each language"));
  EXPECT_THAT(error_of("languages: 3"), HasSubstr("an entry for each language"));
  EXPECT_THAT(error_of("languages: {toy: 3}"), HasSubstr("\"languages.toy\" must be a map"));
  EXPECT_THAT(error_of(with("  toy:", "  to/y:")), HasSubstr("\"to/y\" is no name"));
  EXPECT_THAT(error_of(with("[toy]", "toy")), HasSubstr("must be a list"));
  EXPECT_THAT(error_of(with("[toy]", "[.toy]")), HasSubstr("without the dot"));
  EXPECT_THAT(error_of(with("main.toy", "a/b")), HasSubstr("plain file name"));
  EXPECT_THAT(error_of(with("main.toy", "..")), HasSubstr("plain file name"));
  EXPECT_THAT(error_of(with("main.toy", "[a]")), HasSubstr("must be a text"));
  EXPECT_THAT(error_of(with("[/usr/bin/toy, -v]", "[toy]")), HasSubstr("absolute path"));
  EXPECT_THAT(error_of(with("\"{source}\"", "x")), HasSubstr("{source}"));
  EXPECT_THAT(error_of(with("{TOY: \"1\"}", "[a]")), HasSubstr("map of variables"));
  EXPECT_THAT(error_of(with("{TOY: \"1\"}", "{1A: x}")), HasSubstr("map of variables"));
  EXPECT_THAT(error_of(with("    install: apt-get install toy\n", "")),
              HasSubstr("lacks \"install\""));
}

TEST(Languages, AnExtensionHasOneLanguage) {
  std::string second(kGood);
  second = second.substr(second.find("  toy:"));
  second.replace(2, 3, "two");
  EXPECT_THAT(error_of(std::string(kGood) + second),
              HasSubstr("the extension \"toy\" belongs to another language already"));
}

TEST(Languages, DepthAndSizeAreBounded) {
  EXPECT_THAT(error_of("languages: " + std::string(40, '[') + std::string(40, ']')),
              HasSubstr("nested deeper"));
  const auto large = parse_languages(std::string((size_t{1} << 20U) + 1, '#'), "l.yaml");
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code, ErrorCode::too_large);
}

TEST(Languages, LoadsAFile) {
  std::string path = testing::TempDir() + "languages_XXXXXX";
  const int fd = mkstemp(path.data());
  ASSERT_GE(fd, 0);
  close(fd);
  std::ofstream(path) << kGood;
  const auto loaded = load_languages(path);
  EXPECT_TRUE(loaded.ok());
  unlink(path.c_str());
  const auto missing = load_languages(path);
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().text(), HasSubstr(path));
  EXPECT_THAT(missing.error().text(), HasSubstr("No such file"));
  const auto directory = load_languages("/usr");
  ASSERT_FALSE(directory.ok());
}

}  // namespace
}  // namespace kiln::config
