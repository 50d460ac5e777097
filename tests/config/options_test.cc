#include "config/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "config/option_pages.h"
#include "config/settings.h"

namespace kiln::config {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string read(const std::string& name) {
  std::ifstream in(std::string(KILN_ROOT) + "/" + name);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Options, AreInTheCommittedFilesAsInTheList) {
  const char* how = "run config_write_pages with the repository's root, and look at the difference";
  EXPECT_EQ(read("config/kiln.yaml"), options_yaml()) << how;
  EXPECT_EQ(read("docs/configuration.md"), options_page()) << how;
}

// Each command has a flag and a variable once; a key is known once.
TEST(Options, NoNameStandsForTwoThings) {
  std::set<std::string_view> keys;
  for (const Option& option : options()) {
    EXPECT_TRUE(keys.insert(option.key).second) << option.key;
    for (const Option& other : options()) {
      if (&other == &option || (other.scopes & option.scopes) == 0) continue;
      EXPECT_NE(other.flag, option.flag) << option.key << " and " << other.key;
      EXPECT_NE(other.variable, option.variable) << option.key << " and " << other.key;
    }
    EXPECT_TRUE(option.variable.starts_with("KILN_")) << option.key;
    EXPECT_TRUE(option.flag.starts_with("--")) << option.key;
    EXPECT_FALSE(option.what.ends_with('.')) << option.key;
    const bool says = !option.default_value.empty() || !option.default_is.empty();
    EXPECT_TRUE(says) << option.key << " does not say its default";
  }
}

TEST(Options, TheDefaultsAreValid) {
  for (const Option& option : options()) {
    if (option.default_value.empty()) continue;
    const Status valid = check_value(option, option.default_value);
    EXPECT_TRUE(valid.ok()) << option.key;
  }
  Errors errors;
  const Settings settings = parse_settings(options_yaml(), "kiln.yaml", errors);
  EXPECT_THAT(errors, IsEmpty());
  for (const auto& [key, setting] : settings.by_key) {
    ASSERT_EQ(setting.values.size(), 1U);
    EXPECT_EQ(setting.values[0], option_of(key).default_value) << key;
  }
}

TEST(Options, ValuesAreChecked) {
  const auto refusal = [](std::string_view key, std::string_view value) {
    const Status valid = check_value(option_of(key), value);
    return valid ? "" : valid.error().text();
  };
  EXPECT_EQ(refusal("worker.slots", "1024"), "");
  EXPECT_THAT(refusal("worker.slots", "1025"), HasSubstr("from 1 to 1024"));
  for (const char* wrong : {"0", "-1", "1.5", "many", "", "99999999999999999999", " 1", "0x1"}) {
    EXPECT_THAT(refusal("worker.slots", wrong), HasSubstr("a whole number")) << wrong;
  }
  EXPECT_EQ(refusal("broker.cache_time", "0.5"), "");
  for (const char* wrong : {"0", "0.0", "-1", "1e3", ".5", "5.", "x"}) {
    EXPECT_THAT(refusal("broker.cache_time", wrong), HasSubstr("seconds")) << wrong;
  }
  EXPECT_THAT(refusal("broker.blob_space", "0.5"), HasSubstr("MB"));
  EXPECT_THAT(refusal("broker.insecure", "yes"), HasSubstr("true or false"));
  EXPECT_THAT(refusal("log.level", "infos"), HasSubstr("Did you mean \"info\"?"));
  EXPECT_THAT(refusal("broker.data", ""), HasSubstr("a text"));
}

}  // namespace
}  // namespace kiln::config
