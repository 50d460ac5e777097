// Cells made by the real launcher, asked for through the real runner: what goes in comes out.
#include <gmock/gmock.h>

#include "tests/sandbox/sandbox_fixture.h"

namespace kiln::sandbox {
namespace {

using model::Verdict;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RunnerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { sandbox_ = new Sandbox; }
  static void TearDownTestSuite() {
    delete sandbox_;
    sandbox_ = nullptr;
  }
  void SetUp() override {
    ASSERT_TRUE(sandbox_->status().ok()) << sandbox_->status().error().text();
  }

  static Sandbox* sandbox_;
};

Sandbox* RunnerTest::sandbox_ = nullptr;

TEST_F(RunnerTest, RunsAProgram) {
  const model::TaskResult result = sandbox_->run(python("print('hello')"));
  EXPECT_EQ(result.verdict, Verdict::ok) << result.message;
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out.bytes, "hello\n");
  EXPECT_EQ(result.err.bytes, "");
  EXPECT_THAT(result.limits_hit, IsEmpty());
  EXPECT_EQ(result.message, "");
}

}  // namespace
}  // namespace kiln::sandbox
