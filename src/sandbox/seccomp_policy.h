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
#pragma once

#include <linux/filter.h>

#include <cstdint>
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

// Syscalls that this architecture lacks are left out. Errors: sandbox.
Result<std::vector<sock_filter>> compile_policy(const std::vector<PolicyRule>& rules);

// config/seccomp/base.list as it was when this was built.
std::string_view base_policy_text();

}  // namespace kiln::sandbox
