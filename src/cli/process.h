// Child processes: forking one with a way to hear from it, waiting for its end.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "base/time.h"

namespace kiln::cli {

// From the close of the control socket to the end of the last cell.
inline constexpr Duration kMonitorEnd = std::chrono::seconds(5);

struct Child {
  pid_t pid = -1;
  UniqueFd pidfd;  // readable when it ended
  UniqueFd ready;  // one line when it is ready, end of file when it ended
  std::string name;
};

// Forks; the child, in a process group of its own (Ctrl-C reaches its parent only), runs `body`
// with the write end of `ready` and exits with what that returns. Call while single-threaded.
// Errors: internal.
Result<Child> fork_child(const std::string& name, const std::function<int(UniqueFd ready)>& body);

// The wait status, or nothing when `patience` is over first.
std::optional<int> wait_for_end(pid_t pid, Duration patience);
// "exit code 1" or "signal 9"
std::string describe_end(int wait_status);

}  // namespace kiln::cli
