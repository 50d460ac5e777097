// The root monitor: the first thing a worker process does, before it has threads and before it
// changes its user. fork_monitor() forks a small process that stays root (or whoever started it),
// starts kiln-launcher as pid 1 of a pid namespace of its own, hands a socket to it to the worker,
// and starts a new launcher when one dies (with a growing pause). It ends, and the kernel with it
// every launcher and cell, when the worker's end of the control socket closes or the worker dies.
#pragma once

#include <chrono>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "sandbox/warm_image.h"

namespace kiln::sandbox {

struct MonitorOptions {
  std::string launcher_path;     // absolute path of kiln-launcher
  uint32_t first_uid = 231'072;  // the range of the cells' uids and gids
  uint32_t uid_count = 512;      // two for each live cell
  uint32_t cells_ahead = 0;      // that wait for a request; they take user ids, too
  // Kept warm by each launcher; _kiln_warm is looked for beside it.
  std::vector<WarmImage> images;
  // After so long without a request one waits; the next request brings back the others.
  std::chrono::milliseconds ahead_for{600'000};
};

struct Monitor {
  UniqueFd control;  // for RunnerOptions::monitor_socket
  int pid = -1;
};

// Call while single-threaded. Errors: sandbox (not root and no rootless way here, a second thread
// exists, the launcher's binary is missing).
Result<Monitor> fork_monitor(const MonitorOptions& options);

// kiln-launcher beside our own binary (build tree and installed tree alike), or in
// ../libexec/kiln. Errors: sandbox.
Result<std::string> find_launcher();

}  // namespace kiln::sandbox
