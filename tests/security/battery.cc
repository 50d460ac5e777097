#include "tests/security/battery.h"

namespace kiln::sandbox {

using model::Verdict;

Sandbox* BatteryTest::sandbox_ = nullptr;
std::string BatteryTest::fresh_;

void PrintTo(const Attack& attack, std::ostream* out) { *out << attack.name; }

std::string name_of(const testing::TestParamInfo<Attack>& attack) { return attack.param.name; }

void BatteryTest::SetUpTestSuite() {
  sandbox_ = new Sandbox(Sandbox::default_launcher());
  if (sandbox_->status().ok()) fresh_ = trace();
}

void BatteryTest::TearDownTestSuite() {
  delete sandbox_;
  sandbox_ = nullptr;
}

void BatteryTest::SetUp() {
  ASSERT_TRUE(sandbox_->status().ok()) << sandbox_->status().error().text();
  ASSERT_FALSE(fresh_.empty());
}

std::string BatteryTest::trace() {
  const model::TaskResult result = sandbox_->run(program("trace.py"));
  EXPECT_EQ(result.verdict, Verdict::ok) << result.message << result.err.bytes;
  return result.out.bytes;
}

CellRequest BatteryTest::request_of(const Attack& attack) {
  CellRequest request = python(attack.code);
  request.limits.memory_bytes = 64 * model::kMB;
  request.limits.wall_ms = scaled_ms(10'000);
  request.limits.processes = 16;
  if (attack.tune != nullptr) attack.tune(request);
  return request;
}

void BatteryTest::expect_as_told(const Attack& attack, const model::TaskResult& result) {
  EXPECT_EQ(result.verdict, attack.verdict) << result.message << "\n" << result.err.bytes;
  EXPECT_EQ(result.out.bytes, attack.output.value_or(result.out.bytes)) << result.err.bytes;
  EXPECT_EQ(result.exit_code, attack.exit_code ? attack.exit_code : result.exit_code);
  for (const model::LimitHit hit : attack.hits) {
    EXPECT_THAT(result.limits_hit, testing::Contains(hit));
  }
  EXPECT_LT(result.cost.wall_us, scaled_ms(attack.within_ms) * 1'000);
}

TEST_P(BatteryTest, IsHeld) {
  const Footprint before = footprint_at_rest(*sandbox_);
  const CellId neighbour = sandbox_->start(program("neighbour.py"));
  sandbox_->wait_output(neighbour, "hidden");
  const model::TaskResult result = sandbox_->run(request_of(GetParam()));
  expect_as_told(GetParam(), result);
  const model::TaskResult honest = sandbox_->wait(neighbour);
  EXPECT_EQ(honest.verdict, Verdict::ok) << honest.message << honest.err.bytes;
  EXPECT_EQ(trace(), fresh_);
  EXPECT_TRUE(eventually([&before] { return footprint(*sandbox_) == before; }))
      << testing::PrintToString(footprint(*sandbox_))
      << "\nbefore: " << testing::PrintToString(before);
}

}  // namespace kiln::sandbox
