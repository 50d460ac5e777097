// The texts of config/seccomp as they were when this was built. What they say: seccomp_policy.h.
#pragma once

#include <string_view>

#include "model/syscall_profile.h"

namespace kiln::sandbox {

#define KILN_X(name) std::string_view name##_policy_text();
KILN_SYSCALL_PROFILES(KILN_X)
#undef KILN_X

std::string_view profile_text(model::SyscallProfile profile);

}  // namespace kiln::sandbox
