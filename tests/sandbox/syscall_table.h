// What the cells' syscall filter answers, by running its BPF code here on made-up calls: nothing is
// ever loaded into the kernel. And the whole of it as a text, for a file to compare with.
#pragma once

#include <linux/audit.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/syscall_profile.h"

namespace kiln::sandbox {

inline constexpr long kLastSyscall = 700;

// SECCOMP_RET_*, as a program in a cell is answered: both parts of the filter, the stricter counts.
uint32_t filter_answer(long number, const std::vector<uint64_t>& arguments = {},
                       model::SyscallProfile profile = model::SyscallProfile::base,
                       uint32_t architecture = AUDIT_ARCH_X86_64);

// "allow", "eperm", ... as in the policy's text; "kill".
std::string answer_name(uint32_t answer);

// Each number from 0 to kLastSyscall with its name and answer; where arguments count, a line for
// each combination of those values that the policy names. Profiles that answer otherwise
// follow, as PROFILE:ANSWER.
std::string syscall_table();

}  // namespace kiln::sandbox
