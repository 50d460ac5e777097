// One attack is one row: a program, what it must come to, and what it may leave behind: nothing.
// Every row is run beside an honest program that must not notice; afterwards the launcher holds
// what it held before, and the next program sees a cell as fresh as the first one's.
#pragma once

#include <gmock/gmock.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sandbox/sandbox_fixture.h"

namespace kiln::sandbox {

struct Attack {
  const char* name;
  const char* code;  // Python
  model::Verdict verdict = model::Verdict::ok;
  std::optional<std::string> output = std::nullopt;  // all of standard output; none: not looked at
  std::optional<int> exit_code = std::nullopt;
  std::set<model::LimitHit> hits = {};  // these at least
  void (*tune)(CellRequest& request) = nullptr;
  int64_t within_ms = 5'000;  // of wall time, as the result says, on a machine of normal speed
};
// Writes to a file until that fails, and says how.
#define KILN_FILL(path)                           \
  "import errno\n"                                \
  "try:\n"                                        \
  "    with open('" path                          \
  "', 'wb', 0) as f:\n"                           \
  "        while True: f.write(bytes(1 << 16))\n" \
  "except OSError as e: print(errno.errorcode[e.errno])\n"

void PrintTo(const Attack& attack, std::ostream* out);
std::string name_of(const testing::TestParamInfo<Attack>& attack);

class BatteryTest : public testing::TestWithParam<Attack> {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;
  static CellRequest request_of(const Attack& attack);
  static void expect_as_told(const Attack& attack, const model::TaskResult& result);
  // What trace.py prints of a cell.
  static std::string trace();

  static Sandbox* sandbox_;
  static std::string fresh_;  // the first program's trace
};

// Defines the rows of one suite.
#define KILN_ATTACKS(suite, rows) \
  INSTANTIATE_TEST_SUITE_P(suite, BatteryTest, testing::ValuesIn(rows), name_of)

}  // namespace kiln::sandbox
