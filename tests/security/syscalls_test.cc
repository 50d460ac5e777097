// Every syscall, called in a cell, is answered as the golden table says (syscalls.txt beside this;
// policy_test.cc compares that file with the filter).
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "tests/sandbox/sandbox_fixture.h"
#include "tests/sandbox/syscall_table.h"

namespace kiln::sandbox {
namespace {

using model::Verdict;

constexpr const char* kDied = "died";
const std::vector<uint64_t> kArguments(6, ~uint64_t{0});

std::map<long, std::string> told_in_cell(model::SyscallProfile profile) {
  Sandbox sandbox(Sandbox::default_launcher());
  EXPECT_TRUE(sandbox.status().ok()) << sandbox.status().error().text();
  CellRequest request = program("every_syscall.py", {std::to_string(kLastSyscall)});
  request.limits.wall_ms = scaled_ms(60'000);
  request.limits.processes = 16;
  request.syscalls = profile;
  const model::TaskResult result = sandbox.run(request);
  EXPECT_EQ(result.verdict, Verdict::ok) << result.message << result.err.bytes;
  std::map<long, std::string> out;
  std::istringstream lines(result.out.bytes);
  for (long number = 0; lines >> number;) lines >> out[number];
  return out;
}

// Called on the host, where nothing filters it, it is unknown just the same.
bool kernel_lacks(long number) {
  return in_child([number] {
           return ::syscall(number, -1, -1, -1, -1, -1, -1) == -1 && errno == ENOSYS ? 0 : 1;
         }) == 0;
}

// uretprobe and uprobe: newer kernels let them pass every filter, since tracers put them into
// programs (kernel/seccomp.c, seccomp_uprobe_exception). Called by a program itself they fail, or
// kill it.
bool passes_every_filter(long number) { return number == 335 || number == 336; }

// An allowed call reaches the kernel, which finds such arguments wrong in its own way.
void expect_reached(long number, const std::string& told) {
  if (told == std::to_string(ENOSYS)) {
    EXPECT_TRUE(kernel_lacks(number)) << number;
  } else if (told == std::to_string(EPERM)) {
    EXPECT_EQ(number, SYS_setgroups) << "allowed, and refused all the same";
  }
}

class SyscallsTest : public testing::TestWithParam<model::SyscallProfile> {};

TEST_P(SyscallsTest, EachIsAnsweredAsTheTableSays) {
  const std::map<long, std::string> told = told_in_cell(GetParam());
  ASSERT_EQ(told.size(), static_cast<size_t>(kLastSyscall + 1));
  size_t refused = 0;
  for (const auto& [number, word] : told) {
    const uint32_t answer = filter_answer(number, kArguments, GetParam());
    if (answer == SECCOMP_RET_ALLOW) {
      expect_reached(number, word);
      continue;
    }
    ++refused;
    if (passes_every_filter(number) && word != std::to_string(ENOSYS)) {
      EXPECT_TRUE(word == kDied || word == std::to_string(ENXIO)) << number << " " << word;
      continue;
    }
    EXPECT_EQ(answer & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_ERRNO) << number;
    EXPECT_EQ(word, std::to_string(answer & SECCOMP_RET_DATA)) << "syscall " << number;
  }
  EXPECT_GT(refused, 400U);
}

using model::SyscallProfile;

std::string profile_name(const testing::TestParamInfo<SyscallProfile>& profile) {
  return std::string(to_string(profile.param));
}

#define KILN_X(name) SyscallProfile::name,
INSTANTIATE_TEST_SUITE_P(EachProfile, SyscallsTest,
                         testing::ValuesIn({KILN_SYSCALL_PROFILES(KILN_X)}), profile_name);
#undef KILN_X

}  // namespace
}  // namespace kiln::sandbox
