// The syscall policy: its text form, and what the compiled filter answers, by running its BPF code
// here on made-up calls (nothing is ever loaded into the kernel).
#include <gmock/gmock.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "base/random.h"
#include "sandbox/seccomp_policy.h"
#include "tests/sandbox/syscall_table.h"

namespace kiln::sandbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PolicyTest : public testing::Test {
 protected:
  static uint32_t answer(long number, const std::vector<uint64_t>& arguments = {},
                         uint32_t architecture = AUDIT_ARCH_X86_64) {
    return filter_answer(number, arguments, model::SyscallProfile::base, architecture);
  }
  static uint32_t error(int number) { return SECCOMP_RET_ERRNO | static_cast<uint32_t>(number); }
};

TEST_F(PolicyTest, WhatProgramsNeedIsAllowed) {
  for (const long number : {SYS_read, SYS_write, SYS_openat, SYS_mmap, SYS_execve, SYS_exit_group,
                            SYS_futex, SYS_fork, SYS_kill, SYS_getrandom}) {
    EXPECT_EQ(answer(number), SECCOMP_RET_ALLOW) << number;
  }
}

TEST_F(PolicyTest, WhatIsNotNamedIsUnknown) {
  EXPECT_EQ(answer(SYS_io_uring_setup), error(ENOSYS));
  EXPECT_EQ(answer(SYS_clone3), error(ENOSYS));
  EXPECT_EQ(answer(SYS_keyctl), error(ENOSYS));
  EXPECT_EQ(answer(999), error(ENOSYS));
}

TEST_F(PolicyTest, WhatIsForbiddenIsRefused) {
  for (const long number : {SYS_mount, SYS_ptrace, SYS_bpf, SYS_unshare, SYS_setns, SYS_seccomp}) {
    EXPECT_EQ(answer(number), error(EPERM)) << number;
  }
}

TEST_F(PolicyTest, ForeignAbisKillTheProcess) {
  EXPECT_EQ(answer(SYS_read, {}, AUDIT_ARCH_I386), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(answer(SYS_read | 0x40000000), SECCOMP_RET_KILL_PROCESS);
}

TEST_F(PolicyTest, CloneMayMakeNoNamespace) {
  EXPECT_EQ(answer(SYS_clone, {0x11}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(answer(SYS_clone, {0x3d0f00}), SECCOMP_RET_ALLOW);  // a thread
  for (const uint64_t flag :
       {0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000}) {
    EXPECT_EQ(answer(SYS_clone, {flag | 0x11}), error(EPERM)) << flag;
  }
}

TEST_F(PolicyTest, UpperHalvesOfArgumentsDoNotMatter) {
  constexpr uint64_t kHigh = uint64_t{1} << 32U;
  EXPECT_EQ(answer(SYS_socket, {kHigh | 16}), error(EAFNOSUPPORT));
  EXPECT_EQ(answer(SYS_socket, {kHigh | 2}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(answer(SYS_ioctl, {0, kHigh | 0x5412}), error(EPERM));
  EXPECT_EQ(answer(SYS_prctl, {kHigh | 22}), error(EPERM));
  EXPECT_EQ(answer(SYS_setsockopt, {0, kHigh | 1, kHigh | 26}), error(EPERM));
}

TEST_F(PolicyTest, EverySocketFamilyIsAnswered) {
  for (uint64_t family = 0; family < 64; ++family) {
    const bool allowed = family == 1 || family == 2 || family == 10;
    EXPECT_EQ(answer(SYS_socket, {family}), allowed ? SECCOMP_RET_ALLOW : error(EAFNOSUPPORT));
    EXPECT_EQ(answer(SYS_socket, {family, 1, 132}),
              error(allowed ? EPROTONOSUPPORT : EAFNOSUPPORT));
  }
}

TEST_F(PolicyTest, NoProtocolsThatLoadModules) {
  for (const long call : {SYS_socket, SYS_socketpair}) {
    for (const uint64_t family : {1, 2, 10}) {
      for (uint64_t protocol = 0; protocol < 300; ++protocol) {
        const bool allowed = protocol == 0 || protocol == 6 || protocol == 17;
        EXPECT_EQ(answer(call, {family, 1, protocol}),
                  allowed ? SECCOMP_RET_ALLOW : error(EPROTONOSUPPORT))
            << protocol;
      }
    }
  }
}

// Kernel memory that no control group counts: policies of shared memory, multicast groups.
TEST_F(PolicyTest, NoMemoryOutsideTheLimit) {
  EXPECT_EQ(answer(SYS_mbind), error(ENOSYS));
  EXPECT_EQ(answer(SYS_set_mempolicy), error(ENOSYS));
  EXPECT_EQ(answer(SYS_setsockopt, {3, 41, 20}), error(EPERM));
  EXPECT_EQ(answer(SYS_setsockopt, {3, 41, 26}), SECCOMP_RET_ALLOW);  // IPV6_V6ONLY
  EXPECT_EQ(answer(SYS_setsockopt, {3, 0, 35}), error(EPERM));
  EXPECT_EQ(answer(SYS_setsockopt, {3, 0, 1}), SECCOMP_RET_ALLOW);  // IP_TOS
  EXPECT_EQ(answer(SYS_mmap, {0, 4096, 3, 0x22}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(answer(SYS_mmap, {0, 4096, 3, 0x40022}), error(EPERM));
  EXPECT_EQ(answer(SYS_memfd_create, {0, 3}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(answer(SYS_memfd_create, {0, 7}), error(EPERM));
}

TEST_F(PolicyTest, LocksAreForTheInitToAllow) {
  constexpr uint64_t kHigh = uint64_t{1} << 32U;
  for (const uint64_t command : {6, 7, 37, 38}) {
    EXPECT_EQ(answer(SYS_fcntl, {3, command}), SECCOMP_RET_USER_NOTIF) << command;
    EXPECT_EQ(answer(SYS_fcntl, {3, kHigh | command}), SECCOMP_RET_USER_NOTIF) << command;
  }
  for (const uint64_t command : {0, 1, 2, 3, 4, 5, 36, 1030}) {
    EXPECT_EQ(answer(SYS_fcntl, {3, command}), SECCOMP_RET_ALLOW) << command;
  }
  EXPECT_EQ(answer(SYS_fcntl, {3, 1031}), error(EPERM));
}

TEST_F(PolicyTest, TheCoreLimitMayOnlyBeAskedFor) {
  EXPECT_EQ(answer(SYS_setrlimit, {4}), error(ENOSYS));
  EXPECT_EQ(answer(SYS_setrlimit, {7}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(answer(SYS_prlimit64, {0, 4, 0, 0x7000}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(answer(SYS_prlimit64, {0, 4, 0x7000, 0}), error(ENOSYS));
  EXPECT_EQ(answer(SYS_prlimit64, {0, 4, uint64_t{1} << 32U, 0}), error(ENOSYS));
  EXPECT_EQ(answer(SYS_prlimit64, {0, 7, 0x7000, 0}), SECCOMP_RET_ALLOW);
}

TEST_F(PolicyTest, TheHostsDiskAndPageCacheAreLeftAlone) {
  EXPECT_EQ(answer(SYS_fsync), error(0));
  EXPECT_EQ(answer(SYS_fdatasync), error(0));
  EXPECT_EQ(answer(SYS_fadvise64, {3, 0, 0, 4}), error(EPERM));
  EXPECT_EQ(answer(SYS_fadvise64, {3, 0, 0, 2}), SECCOMP_RET_ALLOW);
}

TEST_F(PolicyTest, NoProgramsOntoSockets) {
  for (uint64_t option = 0; option < 100; ++option) {
    const bool program = option == 26 || option == 44 || (option >= 50 && option <= 52);
    EXPECT_EQ(answer(SYS_setsockopt, {0, 1, option}), program ? error(EPERM) : SECCOMP_RET_ALLOW)
        << option;
    EXPECT_EQ(answer(SYS_setsockopt, {0, 6, option}), SECCOMP_RET_ALLOW) << option;
  }
}

// A change of the policy is a change of that file: sandbox_write_syscalls writes it anew.
TEST(PolicyTableTest, TheWholePolicyIsAsWrittenDown) {
  std::ifstream file(KILN_SYSCALL_TABLE);
  std::ostringstream text;
  text << file.rdbuf();
  ASSERT_FALSE(text.str().empty());
  EXPECT_EQ(syscall_table(), text.str());
}

std::string split_error(const std::vector<std::string>& texts) {
  Profiles profiles;
  for (const std::string& text : texts) profiles.push_back(parse_policy(text).value());
  const auto split = split_policies(profiles);
  return split.ok() ? "no error" : split.error().text();
}

TEST(PolicySplitTest, WhatTheOwnPartAnswersCannotHangOnArguments) {
  EXPECT_THAT(split_error({"mount allow if 0 is 1"}), HasSubstr("mount"));
  EXPECT_THAT(split_error({"personality allow if 0 is 1", "personality allow"}),
              HasSubstr("personality"));
  EXPECT_EQ(split_error({"personality eperm", "personality allow if 0 is 1"}), "no error");
}

TEST(PolicySplitTest, ACallIsOneProfilesAndNoneThatCellsAreMadeWith) {
  EXPECT_THAT(split_error({"", "mount allow"}), HasSubstr("needed to make cells"));
  EXPECT_THAT(split_error({"", "ptrace allow", "ptrace allow"}), HasSubstr("two profiles"));
}

// What no list says of a call that some profile names.
TEST(PolicySplitTest, AProfilesCallIsUnknownToTheOthers) {
  const SplitPolicy split =
      split_policies({parse_policy("").value(), parse_policy("acct allow").value(), {}}).value();
  const PolicyRule refused{"acct", Answer::enosys, {}};
  EXPECT_THAT(split.own[0], testing::Contains(refused));
  EXPECT_THAT(split.own[1], testing::Not(testing::Contains(refused)));
  EXPECT_THAT(split.own[2], testing::Contains(refused));
}

TEST(PolicySplitTest, AProfileChangesTheCallsItNames) {
  using model::SyscallProfile;
  const auto answer = [](SyscallProfile profile, long number, uint64_t argument = 0) {
    return answer_name(filter_answer(number, {argument}, profile));
  };
  EXPECT_EQ(answer(SyscallProfile::base, SYS_personality), "eperm");
  EXPECT_EQ(answer(SyscallProfile::personality, SYS_personality), "allow");
  EXPECT_EQ(answer(SyscallProfile::personality, SYS_personality, 0x40000), "allow");
  EXPECT_EQ(answer(SyscallProfile::personality, SYS_personality, 0x400000), "enosys");
  EXPECT_EQ(answer(SyscallProfile::personality, SYS_inotify_init1), "eperm");
  EXPECT_EQ(answer(SyscallProfile::inotify, SYS_inotify_init1), "allow");
  EXPECT_EQ(answer(SyscallProfile::inotify, SYS_personality), "eperm");
}

// A program loads it, so it costs each cell.
TEST(PolicySplitTest, TheProgramsOwnPartIsSmall) {
  const SplitPolicy split = split_policies(builtin_profiles().value()).value();
  for (const std::vector<PolicyRule>& own : split.own) {
    EXPECT_LT(compile_policy(own, Answer::allow).value().size(), 100U);
  }
}

TEST(PolicyTextTest, ALineIsReadAsItSays) {
  const auto rules = parse_policy("# nothing\n\n  kill allow  # why\nioctl eperm if 1 is 0x10 3\n");
  ASSERT_TRUE(rules.ok());
  const PolicyRule first{"kill", Answer::allow, {}};
  const PolicyRule second{"ioctl", Answer::eperm, {{1, 0xffffffff, 0x10}}};
  const PolicyRule third{"ioctl", Answer::eperm, {{1, 0xffffffff, 3}}};
  const std::vector<PolicyRule>& list = *rules;
  EXPECT_THAT(list, ElementsAre(first, second, third));
}

TEST(PolicyTextTest, MistakesNameTheirLine) {
  for (const char* line :
       {"read", "read maybe", "read allow if", "read allow if 6 is 1", "read allow if 0 is",
        "read allow if 0 is x", "read allow if 0 null 1", "read allow when 0 is 1",
        "read allow if 0 equals 1", "read allow if 0 is 1 and", "read allow 0"}) {
    const auto rules = parse_policy(std::string("write allow\n") + line);
    ASSERT_FALSE(rules.ok()) << line;
    EXPECT_THAT(rules.error().text(), HasSubstr("line 2")) << line;
  }
}

TEST(PolicyTextTest, TheComplementCoversExactlyTheOtherValues) {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<uint32_t> values;
    for (uint64_t i = 0; i <= uniform(random, 5); ++i) {
      values.push_back(static_cast<uint32_t>(random() >> uniform(random, 64)));
    }
    const std::vector<MaskedCompare> compares = complement(0, values);
    const auto covered = [&](uint32_t value) {
      return std::ranges::any_of(compares,
                                 [&](const auto& c) { return (value & c.mask) == c.value; });
    };
    for (const uint32_t value : values) {
      EXPECT_FALSE(covered(value)) << value;
      for (unsigned bit = 0; bit < 32; ++bit) {
        const uint32_t other = value ^ (1U << bit);
        EXPECT_EQ(covered(other), std::ranges::find(values, other) == values.end()) << other;
      }
    }
  }
}

}  // namespace
}  // namespace kiln::sandbox
