// From root to an ordinary user, for the whole process and for good.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"

namespace kiln::cli {

// Who the parts that need no root run as.
struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

inline constexpr const char* kServiceUser = "kiln";
inline constexpr const char* kFallbackUser = "nobody";

bool is_root();
// The user `kiln`, else `nobody`, when we are root; else who we are. Errors: not_found (neither
// exists).
Result<User> service_user();

// Does nothing when we are not root. All ids, no groups, no way back, and the directory is / (the
// old one may be closed to that user). Every step is checked and the outcome read back. Errors:
// internal, with the step. Call while single-threaded.
Status drop_privileges(const User& user);

// The kernel ends this process when its parent ends (PR_SET_PDEATHSIG): SIGKILL. Call after
// drop_privileges, which the kernel takes as a reason to forget it. False: the parent is gone
// already.
bool die_with_parent(pid_t parent);

}  // namespace kiln::cli
