#include "sandbox/lock_budget.h"

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kiln::sandbox {
namespace {

// Since Linux 5.19: only a deadly signal interrupts a call that waits for its answer.
constexpr unsigned long kWaitKillable = 1UL << 5U;

}  // namespace

int LockBudget::answer_one(int listener) {
  seccomp_notif question;
  std::memset(&question, 0, sizeof question);  // the kernel insists, padding included
  if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &question) != 0) return errno;
  seccomp_notif_resp answer;
  std::memset(&answer, 0, sizeof answer);
  answer.id = question.id;
  if (left_ > 0) {
    --left_;
    answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  } else {
    answer.error = -ENOLCK;
  }
  return ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0 ? 0 : errno;
}

int load_filter_with_listener(const sock_fprog& filter, int& listener) {
  const auto load = [&filter](unsigned long flags) {
    return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter));
  };
  listener = load(SECCOMP_FILTER_FLAG_NEW_LISTENER | kWaitKillable);
  if (listener < 0 && errno == EINVAL) listener = load(SECCOMP_FILTER_FLAG_NEW_LISTENER);
  return listener < 0 ? errno : 0;
}

}  // namespace kiln::sandbox
