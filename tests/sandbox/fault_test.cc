// A cell whose set-up fails never runs one instruction of its program, says which step failed, and
// leaves nothing behind. A step that silently does nothing is caught by the read-back.
#include <gmock/gmock.h>

#include "sandbox/steps.h"
#include "tests/sandbox/sandbox_fixture.h"

namespace kiln::sandbox {
namespace {

using model::Verdict;
using testing::HasSubstr;

class FaultTest : public testing::Test {
 protected:
  // Each cell is made for its request, which says what fails.
  FaultTest()
      : sandbox_(
            Sandbox::faulty_launcher(), [] {}, 0) {}
  void SetUp() override { ASSERT_TRUE(sandbox_.status().ok()) << sandbox_.status().error().text(); }

  model::TaskResult run_with(const std::string& variable, Step step) {
    CellRequest request = python("print('one instruction of the program')");
    request.env.push_back({variable, std::string(step_name(step))});
    return sandbox_.run(request);
  }
  void expect_failed_at(const model::TaskResult& result, Step step) {
    EXPECT_EQ(result.verdict, Verdict::infrastructure_error);
    EXPECT_THAT(result.message, HasSubstr("step " + std::string(step_name(step))));
    EXPECT_EQ(result.out.bytes + result.err.bytes, "");
    EXPECT_EQ(result.cost.wall_us, 0);
    EXPECT_FALSE(result.exit_code || result.signal);
  }

  Sandbox sandbox_;
};

// From the first step in the cell's init to exec.
std::vector<Step> steps_in_cell() {
  std::vector<Step> out;
  for (auto n = static_cast<uint32_t>(Step::cgroup_join); n <= static_cast<uint32_t>(Step::exec);
       ++n) {
    const auto step = static_cast<Step>(n);
    if (step == Step::resize) continue;  // the launcher's, see below
    const bool warm = step_name(step).starts_with("warm_") || step == Step::enter_cell;
    if (!warm) out.push_back(step);
  }
  return out;
}

// And those of the launcher that know the request.
std::vector<Step> steps_of_a_cell() {
  std::vector<Step> out = {Step::uids,      Step::cgroup_create, Step::cgroup_limits,
                           Step::oom_watch, Step::network,       Step::clone};
  const std::vector<Step> in_cell = steps_in_cell();
  out.insert(out.end(), in_cell.begin(), in_cell.end());
  return out;
}

TEST_F(FaultTest, EachFailingStepStopsTheCellAndIsNamed) {
  ASSERT_EQ(sandbox_.run(python("pass")).verdict, Verdict::ok);
  const Footprint before = footprint_at_rest(sandbox_);
  for (const Step step : steps_of_a_cell()) {
    SCOPED_TRACE(step_name(step));
    const model::TaskResult result = run_with("KILN_TEST_FAIL", step);
    expect_failed_at(result, step);
    EXPECT_THAT(result.message, HasSubstr("Input/output error"));
  }
  // The launcher closes what it has just sent a moment after it is told here.
  EXPECT_TRUE(eventually([&] { return footprint(sandbox_) == before; }))
      << testing::PrintToString(footprint(sandbox_));
  EXPECT_EQ(sandbox_.run(python("pass")).verdict, Verdict::ok);
}

TEST_F(FaultTest, TheReadBackSeesASkippedStep) {
  for (const Step step :
       {Step::bounding_set, Step::identity, Step::capabilities, Step::no_new_privs, Step::filter}) {
    SCOPED_TRACE(step_name(step));
    const model::TaskResult result = run_with("KILN_TEST_SKIP", step);
    EXPECT_EQ(result.verdict, Verdict::infrastructure_error);
    EXPECT_EQ(result.out.bytes + result.err.bytes, "");
  }
}

TEST_F(FaultTest, AMissingProgramIsOurFailureAndNamesItself) {
  CellRequest request = python("");
  request.argv = {"/usr/bin/no-such-interpreter"};
  const model::TaskResult result = sandbox_.run(request);
  expect_failed_at(result, Step::exec);
  EXPECT_THAT(result.message, HasSubstr("No such file"));
}

TEST_F(FaultTest, InputFilesThatDoNotFitAreNamed) {
  CellRequest request = python("");
  request.limits.box_bytes = 64 * 1024;
  request.files.push_back({"large", std::string(1 << 20, 'x')});
  const model::TaskResult result = sandbox_.run(request);
  expect_failed_at(result, Step::input_files);
  EXPECT_THAT(result.message, HasSubstr("number 1"));
}

// Steps of the launcher that fail for the canary already: no launcher is ready.
TEST(LauncherFaultTest, AStepThatFailsForTheCanaryIsNamed) {
  for (const char* name : {"id_map", "pipes", "mount_proc", "filter"}) {
    SCOPED_TRACE(name);
    const PatchedLauncher launcher(std::string("!") + name);
    const Sandbox sandbox(
        launcher.path(), [] {}, 0);
    ASSERT_FALSE(sandbox.status().ok());
    EXPECT_THAT(sandbox.status().error().text(), HasSubstr(std::string("step ") + name));
  }
}

TEST(LauncherFaultTest, ACellThatCannotBeResizedDoesNotRun) {
  const PatchedLauncher launcher("!resize");
  Sandbox sandbox(
      launcher.path(), [] {}, 1);
  ASSERT_TRUE(sandbox.status().ok()) << sandbox.status().error().text();
  const model::TaskResult result = sandbox.run(python("print('ran')"));
  EXPECT_EQ(result.verdict, Verdict::infrastructure_error);
  EXPECT_THAT(result.message, HasSubstr("step resize"));
  EXPECT_EQ(result.out.bytes, "");
}

// What the canary finds missing: no launcher is ready.
TEST(LauncherFaultTest, TheCanarySeesWhatIsLeftOut) {
  for (const char* names :
       {"host_name", "network", "cgroup_namespace", "ipc_namespace", "read_only_root", "streams",
        "mount_proc", "detach_root", "filter read_back", "identity read_back"}) {
    SCOPED_TRACE(names);
    const PatchedLauncher launcher(names);
    const Sandbox sandbox(
        launcher.path(), [] {}, 0);
    ASSERT_FALSE(sandbox.status().ok());
  }
}

}  // namespace
}  // namespace kiln::sandbox
