// kiln-launcher: makes the cells. Theory of operation:
//
// The worker is a program of many threads and no privileges; a program of many threads must not
// fork, and a program without privileges cannot make cells. So before it became either, it forked
// the monitor (monitor.cc), and the monitor started this: a program of one thread, as root, pid 1
// of a pid namespace of its own and with mounts of its own. Everything it starts lives in that pid
// namespace: when the launcher dies, however it dies, the kernel kills every cell.
//
// It talks to the worker over one SEQPACKET socket (wire.h): a request comes with the program,
// limits and descriptors for one cell; "started" and "finished" go back. Between them the loop of
// launcher.cc waits on what the kernel has to say about each cell: a packet from its init, the
// init's pidfd, the out-of-memory notice of its cgroup, and the next of its deadlines. There are no
// signal handlers and no locks; nothing in the loop waits for a cell.
//
// A cell begins as a clone of this process, without exec, so that it costs a fork and not a start;
// so this process keeps no secrets, and the clone gives up everything before the program runs
// (cell_init.cc, cell_program.cc). This binary itself runs from a sealed copy in memory that the
// monitor made: no path leads to it, and its bytes cannot be changed through /proc/PID/exe.
//
// Cells may be made ahead of any request (cell.h): each is then one request's, and gone after it.
//
// It also keeps interpreters that have imported their modules (warm_parent.h), from which programs
// are forked into cells.
//
// Usage: kiln-launcher SOCKET_FD FIRST_UID UID_COUNT CELLS_AHEAD AHEAD_FOR_MS [NAME INTERPRETER
// SOURCE MODULES OWN]...; nobody types this. With images, descriptor 5 is _kiln_warm; 6 is _kiln,
// if it is open.
#include <fcntl.h>
#include <sys/prctl.h>

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <string_view>

#include "sandbox/launcher.h"

namespace {

constexpr int kWarmLibraryFd = 5;
constexpr int kSiteLibraryFd = 6;

bool parse(std::string_view text, unsigned& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

int main(int argc, char** argv) {
  unsigned socket = 0;
  unsigned first_uid = 0;
  unsigned uid_count = 0;
  unsigned cells_ahead = 0;
  unsigned ahead_for_ms = 0;
  constexpr int kWords = 5;  // of an image
  if (argc < 6 || (argc - 6) % kWords != 0 || !parse(argv[1], socket) ||
      !parse(argv[2], first_uid) || !parse(argv[3], uid_count) || !parse(argv[4], cells_ahead) ||
      !parse(argv[5], ahead_for_ms) || first_uid == 0 || uid_count < 2) {
    std::fputs("kiln-launcher is started by kiln worker, not by hand.\n", stderr);
    return 2;
  }
  // Started from a sealed copy in memory, it would be listed under that file's name.
  prctl(PR_SET_NAME, "kiln-launcher");
  kiln::sandbox::LauncherOptions options;
  options.worker.reset(static_cast<int>(socket));
  options.first_uid = first_uid;
  options.uid_count = uid_count;
  options.cells_ahead = cells_ahead;
  options.ahead_for_us = int64_t{ahead_for_ms} * 1000;
  for (int i = 6; i < argc; i += kWords) {
    options.images.push_back({argv[i], argv[i + 1], argv[i + 2], argv[i + 3], argv[i + 4]});
  }
  if (!options.images.empty()) options.warm_library.reset(kWarmLibraryFd);
  if (fcntl(kSiteLibraryFd, F_GETFD) >= 0) options.site_library.reset(kSiteLibraryFd);
  kiln::sandbox::Launcher launcher(std::move(options));
  return launcher.run();
}
