#include "sandbox/profile_texts.h"

namespace kiln::sandbox {

std::string_view profile_text(model::SyscallProfile profile) {
  switch (profile) {
#define KILN_X(name)                \
  case model::SyscallProfile::name: \
    return name##_policy_text();
    KILN_SYSCALL_PROFILES(KILN_X)
#undef KILN_X
  }
  return {};
}

}  // namespace kiln::sandbox
