#include "cli/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

namespace kiln::cli {
namespace {

Error step_failed(const char* step) { return errno_error(ErrorCode::internal, step, errno); }

// setresuid(2) back to root must be impossible.
Status check_dropped(const User& user) {
  uid_t r = 0, e = 0, s = 0;
  gid_t rg = 0, eg = 0, sg = 0;
  if (getresuid(&r, &e, &s) != 0 || getresgid(&rg, &eg, &sg) != 0) return step_failed("read ids");
  const bool right = r == user.uid && e == user.uid && s == user.uid && rg == user.gid &&
                     eg == user.gid && sg == user.gid && getgroups(0, nullptr) == 0;
  if (!right || setuid(0) == 0) {
    return Error{ErrorCode::internal, "could not become the user " + user.name, "", "", ""};
  }
  return {};
}

}  // namespace

bool is_root() { return geteuid() == 0; }

Result<User> service_user() {
  if (!is_root()) {
    const passwd* self = getpwuid(getuid());
    return User{self != nullptr ? self->pw_name : std::to_string(getuid()), getuid(), getgid()};
  }
  for (const char* name : {kServiceUser, kFallbackUser}) {
    const passwd* entry = getpwnam(name);
    if (entry != nullptr && entry->pw_uid != 0) return User{name, entry->pw_uid, entry->pw_gid};
  }
  return Error{ErrorCode::sandbox, "there is neither a user kiln nor a user nobody here", "", "",
               "Add one: useradd --system kiln"};
}

Status drop_privileges(const User& user) {
  if (!is_root()) return {};
  if (setgroups(0, nullptr) != 0) return step_failed("drop the groups");
  if (setresgid(user.gid, user.gid, user.gid) != 0) return step_failed("change the group");
  if (setresuid(user.uid, user.uid, user.uid) != 0) return step_failed("change the user");
  if (chdir("/") != 0) return step_failed("change to /");
  return check_dropped(user);
}

bool die_with_parent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return getppid() == parent;
}

}  // namespace kiln::cli
