// The syscall policy: a list of text lines, and the BPF program compiled from it.
//
//   # comment
//   NAME ANSWER [if CONDITION [and CONDITION]...]
//
//   ANSWER     allow | enosys | eperm | eafnosupport | eprotonosupport
//              done                0, and nothing is done
//              ask                 the cell's init decides (lock_budget.h)
//   CONDITION  ARG is VALUE...     the argument (0 to 5) is one of these
//              ARG not VALUE...    it is none of these
//              ARG has BIT...      at least one of these bits is set
//              ARG lacks BIT...    none of these bits is set
//              ARG null            it is a null pointer
//
// What no line names is answered with ENOSYS, so that run-times fall back; what arguments no
// condition covers, too. Arguments but pointers are compared as the 32-bit integers the kernel
// takes them for: the upper half of the register is masked off (seccomp compares 64 bits, and a
// program sets them as it likes). "not" is spelled out as masked comparisons that cover exactly the
// other values. A syscall under a foreign ABI kills the process (seccomp_attr_set(3),
// SCMP_FLTATR_ACT_BADARCH).
//
// A profile is the base list with other answers to a few calls: config/seccomp/NAME.list, with the
// same lines.
#pragma once

#include <linux/filter.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace kiln::sandbox {

enum class Answer : uint8_t { allow, enosys, eperm, eafnosupport, eprotonosupport, done, ask };

// (argument & mask) == value
struct MaskedCompare {
  unsigned argument = 0;
  uint64_t mask = 0xffff'ffff;
  uint64_t value = 0;
  bool operator==(const MaskedCompare&) const = default;
};

// The syscall gets the answer when all compares hold.
struct PolicyRule {
  std::string syscall;
  Answer answer = Answer::enosys;
  std::vector<MaskedCompare> compares;
  bool operator==(const PolicyRule&) const = default;
};

// One line may become several rules. Errors: invalid_argument, with the line's number.
Result<std::vector<PolicyRule>> parse_policy(std::string_view text);

// The masked compares that cover exactly the 32-bit values not in `values`.
std::vector<MaskedCompare> complement(unsigned argument, const std::vector<uint32_t>& values);

// Syscalls that this architecture lacks are left out; `unlisted` answers what no rule does. Errors:
// sandbox.
Result<std::vector<sock_filter>> compile_policy(const std::vector<PolicyRule>& rules,
                                                Answer unlisted = Answer::enosys);

// The rules of each list; the first is the base.
using Profiles = std::vector<std::vector<PolicyRule>>;

// Each profile's policy as two, of which the stricter answer counts (seccomp(2)): a large one that
// the launcher loads once and that all cells inherit, and a small one that each program loads. A
// filter is translated each time it is loaded, which for the whole policy takes longer than all
// else that makes a cell.
struct SplitPolicy {
  // The base list, but for what a cell is made with (kSetupCalls): that is allowed. "ask" is, too.
  // What a profile answers otherwise is answered so here.
  std::vector<PolicyRule> shared;
  // For each profile what the base list says of all those, but what is the profile's own. Unlisted:
  // allowed.
  std::vector<std::vector<PolicyRule>> own;
};
// What launcher, init and the program's process call before the program's own filter is loaded, and
// a program may not.
inline constexpr std::array<std::string_view, 10> kSetupCalls = {
    "capset",  "clone3",        "fsconfig",    "fspick", "mount",
    "seccomp", "setdomainname", "sethostname", "setns",  "unshare"};
// Errors: invalid_argument: the base list's answer to a call that is
// left to the small part hangs on arguments; two profiles name the same call, or one of
// kSetupCalls.
Result<SplitPolicy> split_policies(const Profiles& profiles);

// What the rules answer to a call with these arguments, before anything is compiled.
Answer answer_of(const std::vector<PolicyRule>& rules, std::string_view syscall,
                 const std::array<uint64_t, 6>& arguments);

// What a program finds in errno; 0: the call is made, or seems to have been.
int errno_of(Answer answer);
// Nothing: this architecture has no such call.
std::optional<int> syscall_number(const std::string& name);

// Those of config/seccomp as they were when this was built, in the order of model::SyscallProfile.
// Errors: as parse_policy.
Result<Profiles> builtin_profiles();

}  // namespace kiln::sandbox
