// The code that runs inside a cell before the program: the init, from its clone to its end, and the
// program's process up to exec.
//
// Both are forks of the launcher without exec: they see the launcher's memory as it was. Between
// clone and exec nothing here allocates, logs, throws or takes a lock; all that is needed lies
// ready in a CellPlan. What fails is told as a StepFailure through the cell's socket.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "model/limits.h"
#include "sandbox/steps.h"
#include "sandbox/uid_range.h"
#include "sandbox/wire.h"

namespace kiln::sandbox {

// CLOCK_MONOTONIC. Async-signal-safe.
int64_t monotonic_us();
inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();  // no deadline

// The launcher's own namespaces, for the self-test: inode numbers of /proc/self/ns/*.
inline constexpr std::array<const char*, 7> kNamespaces = {"user", "pid", "mnt",   "net",
                                                           "ipc",  "uts", "cgroup"};
using NamespaceIds = std::array<uint64_t, kNamespaces.size()>;
NamespaceIds own_namespaces();

struct MountOptions {
  std::array<char, 128> text{};
};

// A program's own part of the filter of one profile.
struct ProgramFilter {
  // A call with all bits set, and what it must be answered: 0 by the kernel itself, else this
  // errno.
  struct Probe {
    int number;
    int error;
  };
  std::vector<sock_filter> code;
  std::vector<Probe> probes;  // of the calls in which profiles differ
};

// Everything the children need; built by the launcher before clone. What comes with the request is
// filled in by each of the two when it is told (receive_order).
struct CellPlan {
  // What is to be run; null in a cell that was made ahead, until it is told.
  const wire::RunView* program = nullptr;
  wire::RunView* order_view = nullptr;  // room to read it into, reserved
  model::Limits limits;
  CellUids uids;
  std::span<const int> cgroup_joins;  // may be empty (version 2)
  const ProgramFilter* filter = nullptr;
  uint64_t filters = 0;  // that the program is under, with those inherited
  MountOptions box, tmp, shm;
  wire::Run order;  // with its limits, and whether artifacts are wanted
  int socket = -1;  // the init's end
  int wake = -1;    // an eventfd, raised when the order lies in the socket
  int payload_fd = -1, stdin_fd = -1, stdout_fd = -1, stderr_fd = -1;
  bool self_test = false;  // check the cell; a cold one instead of running a program
  bool warm = false;       // the init asks for the program's process instead of forking it
  NamespaceIds launcher_namespaces{};

  // Of a process forked from a warm interpreter: the cell's init, whose namespaces it enters first,
  // what it does when all is given up and nothing of the program known, and what in place of
  // exec, which does not return but an errno.
  int init_fd = -1;  // pidfd
  void (*prepare)() = nullptr;
  int (*start)(CellPlan&) = nullptr;

  // Filled in by the children themselves.
  // A packet socket: the program's process hands over the filter's listener, then says that it is
  // ready, or tells a failure; closed by exec. The init passes the request on through it, once it
  // has dropped what it had.
  int exec_report = -1;
  int box_fd = -1, tmp_fd = -1, shm_fd = -1;
  int program_fd = -1;  // pidfd
  int listener = -1;    // of the filter's questions, in the init
  pid_t program_pid = -1;
  int32_t index = -1;  // which of several things of a step
};

// What the init tells the launcher, each in one packet. `want_map` asks for the id maps; the
// launcher answers with one byte. `want_program`, with the program's end of a socket pair, asks for
// a process forked from a warm interpreter. `ready` carries a pidfd of the program's process and
// directory descriptors of /box, /tmp and /dev/shm; the launcher answers with the request, a
// wire::Run with the descriptors of wire::RunFd.
enum class ReportType : uint32_t { want_map = 1, want_program, failed, ready, running, exited };

struct ChildReport {
  ReportType type{};
  StepFailure failure;
  int32_t wait_status = 0;
  model::WarmStart start{};  // `running`
  int64_t at_us = 0;         // CLOCK_MONOTONIC
  int64_t rss_bytes = 0;     // the largest of all processes the init has waited for
};

enum ReadyFd : size_t { kProgramFd, kBoxFd, kTmpFd, kShmFd, kReadyFdCount };

// Waits for the request on `socket`, and reads it and its payload into the plan. 0 or an errno.
// Async-signal-safe.
int receive_order(int socket, CellPlan& plan);
// The same request, to the next.
int send_order(int socket, const wire::Run& run, const std::array<int, wire::kRunFdCount>& fds);

// Never returns. Runs in the clone.
[[noreturn]] void run_cell_init(CellPlan& plan);

}  // namespace kiln::sandbox
