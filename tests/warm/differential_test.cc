// A warm program is the same program: each of the corpus is run without a cell, in a cold one and
// warm, and says and comes to the same, tracebacks to the letter.
#include <gmock/gmock.h>

#include <iostream>
#include <regex>

#include "tests/sandbox/sandbox_fixture.h"
#include "tests/warm/program.h"

namespace kiln::sandbox {
namespace {

struct Difference {
  const char* pattern;
  const char* stands_for;
  const char* reason;
};
// Everything that may differ, and why. Nothing else is touched.
const std::vector<Difference> kMayDiffer = {
    {"0x[0-9a-f]{6,}", "ADDRESS", "where things lie in memory"},
    {"Thread 0x[0-9a-f]+", "THREAD", "a thread's number is an address"},
    {"<built-in function soft_time_limit>", "0",
     "SIGTERM's handler in a cell is that of the soft time limit"},
};

std::string without_differences(std::string text) {
  for (const Difference& may : kMayDiffer) {
    text = std::regex_replace(text, std::regex(may.pattern), may.stands_for);
  }
  return text;
}

Outcome in_general(Outcome outcome) {
  outcome.out = without_differences(std::move(outcome.out));
  outcome.err = without_differences(std::move(outcome.err));
  return outcome;
}

Outcome outcome_of(const model::TaskResult& result) {
  EXPECT_EQ(result.message, "");
  return {result.signal ? -*result.signal : result.exit_code.value_or(-99), result.out.bytes,
          result.err.bytes};
}

CellRequest request_of(const CorpusProgram& program, uint32_t image) {
  CellRequest request = warm_python(program.source);
  request.image = image;
  request.env = program.env;
  request.argv.insert(request.argv.end(), program.args.begin(), program.args.end());
  request.files.insert(request.files.end(), program.files.begin(), program.files.end());
  request.stdin_bytes = program.stdin_bytes;
  request.limits.processes = 64;
  request.limits.memory_bytes = 512 * model::kMB;
  return request;
}

class DifferentialTest : public testing::TestWithParam<CorpusProgram> {
 protected:
  static void SetUpTestSuite() {
    sandbox_ = new Sandbox(Sandbox::default_launcher(), [] {}, 1, MonitorOptions().ahead_for,
                           {warm_image()});
    ASSERT_TRUE(sandbox_->status().ok()) << sandbox_->status().error().text();
  }
  static void TearDownTestSuite() { delete std::exchange(sandbox_, nullptr); }

  static Sandbox* sandbox_;
};
Sandbox* DifferentialTest::sandbox_ = nullptr;

TEST_P(DifferentialTest, BareColdAndWarmAreTheSame) {
  const CorpusProgram& program = GetParam();
  const Outcome cold = in_general(outcome_of(sandbox_->run(request_of(program, 0))));
  const Outcome warm = in_general(outcome_of(sandbox_->run(request_of(program, 1))));
  EXPECT_EQ(model::to_string(sandbox_->last_start()), program.start);
  EXPECT_EQ(warm, cold);
  if (program.cells_only) return;
  EXPECT_EQ(cold, in_general(run_bare(program)));
}

std::string name_of(const testing::TestParamInfo<CorpusProgram>& program) {
  return program.param.name;
}

INSTANTIATE_TEST_SUITE_P(Corpus, DifferentialTest, testing::ValuesIn(load_corpus(KILN_CORPUS)),
                         name_of);

constexpr size_t kLeastPrograms = 120;
constexpr size_t kLeastModules = 60;

TEST(CorpusTest, IsLargeEnough) {
  std::set<std::string> modules;
  const std::vector<CorpusProgram> corpus = load_corpus(KILN_CORPUS);
  const std::regex imports(R"((?:^|\n)\s*(?:import|from) ([a-zA-Z0-9_., ]+))");
  const std::regex word("[a-zA-Z0-9_]+");
  for (const CorpusProgram& program : corpus) {
    for (std::sregex_iterator at(program.source.begin(), program.source.end(), imports), end;
         at != end; ++at) {
      const std::string list = (*at)[1];
      const bool from = (*at)[0].str().find("from") != std::string::npos;
      for (std::sregex_iterator w(list.begin(), list.end(), word), last; w != last; ++w) {
        modules.insert(w->str());
        if (from) break;
      }
    }
  }
  std::cout << "corpus: " << corpus.size() << " programs, " << modules.size() << " modules\n";
  EXPECT_GE(corpus.size(), kLeastPrograms);
  EXPECT_GE(modules.size(), kLeastModules);
}

}  // namespace
}  // namespace kiln::sandbox
