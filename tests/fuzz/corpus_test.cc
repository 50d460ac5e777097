// Replays the committed corpus of each fuzz target, so that what a fuzzer once found stays fixed in
// every build.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/fuzz/targets.h"

namespace kiln::net {
namespace {

class Corpus : public testing::TestWithParam<std::string_view> {};

TEST_P(Corpus, Replays) {
  const auto folder = std::filesystem::path(KILN_CORPUS_DIR) / GetParam();
  size_t inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path());
    std::ifstream file(entry.path(), std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    fuzz_decoder(GetParam(), bytes.str());
    ++inputs;
  }
  EXPECT_GT(inputs, 0U);
}

INSTANTIATE_TEST_SUITE_P(Targets, Corpus, testing::ValuesIn(kFuzzTargets),
                         [](const auto& target) { return std::string(target.param); });

TEST(CorpusFolders, EachHasATarget) {
  for (const auto& entry : std::filesystem::directory_iterator(KILN_CORPUS_DIR)) {
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(std::count(std::begin(kFuzzTargets), std::end(kFuzzTargets), name)) << name;
  }
}

}  // namespace
}  // namespace kiln::net
