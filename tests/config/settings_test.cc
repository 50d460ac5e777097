#include "config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace kiln::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> refusals(std::string_view text) {
  Errors errors;
  parse_settings(text, "f.yaml", errors);
  std::vector<std::string> out;
  for (const Error& error : errors) out.push_back(error.text());
  return out;
}

TEST(Settings, HoldTheirValuesAndPlaces) {
  Errors errors;
  const Settings settings = parse_settings(
      "broker:\n  data: /srv\n  insecure: true\nworker:\n  queues: [a, b]\n  slots: 3\n", "f.yaml",
      errors);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_THAT(settings.by_key.at("broker.data").values, ElementsAre("/srv"));
  EXPECT_EQ(settings.by_key.at("broker.data").place, "f.yaml:2");
  EXPECT_THAT(settings.by_key.at("worker.queues").values, ElementsAre("a", "b"));
  EXPECT_EQ(settings.by_key.at("worker.slots").place, "f.yaml:6");
  EXPECT_THAT(settings.by_key, SizeIs(4));
}

TEST(Settings, NothingSetIsFine) {
  EXPECT_THAT(refusals(""), IsEmpty());
  EXPECT_THAT(refusals("# only words\n"), IsEmpty());
  EXPECT_THAT(refusals("broker:\n  # data: /srv\nworker:\n"), IsEmpty());
  EXPECT_THAT(refusals("broker:\n  data:\n"), IsEmpty());
}

TEST(Settings, AnUnknownKeyNamesTheNearestOne) {
  EXPECT_THAT(
      refusals("worker:\n  slot: 3\n"),
      ElementsAre(HasSubstr("f.yaml:2:3: unknown key \"worker.slot\". Did you mean \"slots\"?")));
  EXPECT_THAT(refusals("brokers:\n  data: x\n"),
              ElementsAre(HasSubstr("Did you mean \"broker\"?")));
  EXPECT_THAT(refusals("slots: 3\n"),
              ElementsAre(HasSubstr("belongs into the section \"worker\"")));
}

TEST(Settings, AllThatIsWrongIsSaid) {
  EXPECT_THAT(refusals("broker:\n  cach: never\n  cache_time: soon\nworker:\n  slots: 0\nx: 1\n"),
              ElementsAre(HasSubstr("f.yaml:2:3: unknown key"),
                          HasSubstr("f.yaml:3:15: \"broker.cache_time\" must be a positive number"),
                          HasSubstr("f.yaml:5:10: \"worker.slots\" must be a whole number"),
                          HasSubstr("f.yaml:6:1: unknown section")));
}

TEST(Settings, BadInputIsOneLineWithItsPlace) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"broker:\n\tdata: x\n", "f.yaml:2:1: a tab"},
      {"broker:\n  data: a\n  data: b\n", "stands here twice"},
      {"broker: 3\n", "\"broker\" must be a map"},
      {"- a\n", "must be a map of sections"},
      {"just words\n", "must be a map of sections"},
      {"broker:\n  data: [a]\n", "\"broker.data\" must be one value"},
      {"worker:\n  queues: a\n", "\"worker.queues\" must be a list"},
      {"worker:\n  queues: [[a]]\n", "a list of texts"},
      {"worker:\n  queues: ['']\n", "must be a text"},
      {"broker: {data: x\n", "f.yaml:"},
      {"? [a]\n: b\n", "not a word"},
      {"broker:\n  data: x\n---\nbroker:\n  data: y\n", "two documents"},
      {"a: &a [x, x]\nb: &b [*a, *a]\n", "f.yaml:1"},
  };
  for (const auto& [text, words] : cases) {
    const auto told = refusals(text);
    ASSERT_FALSE(told.empty()) << text;
    EXPECT_THAT(told[0], HasSubstr(words)) << text;
    EXPECT_EQ(told[0].find('\n'), std::string::npos);
  }
  EXPECT_THAT(refusals(std::string((1U << 20U) + 1, '#')),
              ElementsAre(HasSubstr("larger than 1 MB")));
}

TEST(Settings, AnAliasBombEnds) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += (k == 0 ? "" : ", ") + before;
    bomb += "]\n";
  }
  EXPECT_FALSE(refusals(bomb).empty());
}

class SettingsFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "settings_XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string file(mode_t mode) const {
    const std::string path = directory_ + "/f.yaml";
    std::ofstream(path) << "worker:\n  slots: 3\n";
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  static std::string refusal(const std::string& path) {
    Errors errors;
    read_settings(path, errors);
    return errors.empty() ? "" : errors[0].text();
  }
  std::string directory_;
};

TEST_F(SettingsFile, IsRead) {
  Errors errors;
  const Settings settings = read_settings(file(0644), errors);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(settings.by_key.at("worker.slots").values[0], "3");
}

TEST_F(SettingsFile, IsRefusedWhereOthersMayWriteIt) {
  EXPECT_THAT(refusal(file(0664)), HasSubstr("could be changed by others"));
  EXPECT_THAT(refusal(file(0646)), HasSubstr("chmod go-w"));
}

TEST_F(SettingsFile, IsAFile) {
  EXPECT_THAT(refusal(directory_), HasSubstr("no regular file"));
  EXPECT_THAT(refusal(directory_ + "/none"), HasSubstr("No such file"));
  const std::string pipe = directory_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(refusal(pipe), HasSubstr("no regular file"));
}

}  // namespace
}  // namespace kiln::config
