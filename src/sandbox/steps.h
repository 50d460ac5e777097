// The steps of making a cell, each with its name, what it does and what to look at when it fails. A
// failed step is a fixed record, so that code between fork and exec can tell it without allocating;
// the worker's side turns it into words.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace kiln::sandbox {

// X(name, what was tried, hint). In the order in which they happen.
#define KILN_SETUP_STEPS(X)                                                                        \
  /* the launcher, once */                                                                         \
  X(launcher_mounts, "give the launcher mounts of its own", KILN_NEEDS_ROOT)                       \
  X(launcher_proc, "mount /proc for the launcher", KILN_NEEDS_ROOT)                                \
  X(uid_range, "lock a range of user ids for the cells",                                           \
    "See /run/kiln; another worker may hold the range, or /etc/passwd or /etc/subuid use it")      \
  X(cgroup_setup, "make the cells' control groups",                                                \
    "Mount the controllers memory, cpu and pids (version 2, or version 1 with cpuacct) writable")  \
  X(root_template, "build the cells' root directory", KILN_NEEDS_ROOT)                             \
  X(filter_compile, "compile the syscall filter", "The kernel needs CONFIG_SECCOMP_FILTER")        \
  X(pivot_root, "change the root directory", KILN_NEEDS_ROOT)                                      \
  X(detach_root, "let go of the host's root directory", "")                                        \
  X(shared_filter, "load the part of the syscall filter that all cells share",                     \
    "The kernel needs CONFIG_SECCOMP_FILTER")                                                      \
  /* each cell, in the launcher */                                                                 \
  X(request, "read the request", "Worker and launcher must be of the same build")                  \
  X(uids, "take two free user ids", "Raise the number of user ids, or run fewer cells at once")    \
  X(cgroup_create, "create the cell's control group", "See that the cgroup mounts are writable")   \
  X(cgroup_limits, "write the cell's limits", "See that the limits fit this machine")              \
  X(oom_watch, "watch the cell's memory events", "")                                               \
  X(network, "make a network of the cell's own", "See /proc/sys/user/max_net_namespaces")          \
  X(pipes, "give the output pipes to the cell's user", "")                                         \
  X(clone, "create the cell's namespaces",                                                         \
    "See /proc/sys/user/max_*_namespaces and the seccomp profile of the container, if any")        \
  X(id_map, "map the cell's user ids", KILN_NEEDS_ROOT)                                            \
  /* parts of steps: what a cell's group, clone and root are made of (faults.h) */                 \
  X(memory_limit, "limit the cell's memory", "")                                                   \
  X(cpu_limit, "limit the cell's share of the processors", "")                                     \
  X(process_limit, "limit the cell's processes", "")                                               \
  X(pid_namespace, "make the cell's pid namespace", "")                                            \
  X(mount_namespace, "make the cell's mount namespace", "")                                        \
  X(ipc_namespace, "make the cell's ipc namespace", "")                                            \
  X(uts_namespace, "make the cell's uts namespace", "")                                            \
  X(read_only_root, "make the cells' root read-only", "")                                          \
  X(hidden_configuration, "hide the host's configuration below /usr", "")                          \
  /* each cell, in its init */                                                                     \
  X(cgroup_join, "enter the cell's control group", "")                                             \
  X(cgroup_namespace, "unshare the cgroup namespace", KILN_NEEDS_ROOT)                             \
  X(host_name, "set the host name", "")                                                            \
  X(mount_proc, "mount /proc", KILN_NEEDS_ROOT)                                                    \
  X(oom_score, "reset the OOM score", "")                                                          \
  X(mount_box, "mount /box", "See the limits box_bytes and box_inodes")                            \
  X(mount_tmp, "mount /tmp", "See the limits tmp_bytes and tmp_inodes")                            \
  X(mount_shm, "mount /dev/shm", "See the limits shm_bytes and shm_inodes")                        \
  X(directories, "open /box, /tmp and /dev/shm", "")                                               \
  X(user_namespace, "unshare the user namespace", "See /proc/sys/user/max_user_namespaces")        \
  X(bounding_set, "empty the capability bounding set", "")                                         \
  X(secure_bits, "lock the secure bits", "")                                                       \
  X(fork_program, "fork the program", "See the limit processes")                                   \
  /* the same of a warm program (warm.md): in the launcher, and in the forked process */           \
  X(warm_fork, "fork the program from its warm interpreter", "")                                   \
  X(enter_cell, "enter the cell's namespaces", KILN_NEEDS_ROOT)                                    \
  /* each cell, in the program's process; then it is ready */                                      \
  X(session, "start a session", "")                                                                \
  X(descriptors, "close what the launcher had open", "")                                           \
  X(working_directory, "enter /box", "")                                                           \
  X(rlimits, "set the resource limits", "")                                                        \
  X(identity, "change to the cell's user", "")                                                     \
  X(capabilities, "empty the capability sets", "")                                                 \
  X(signals, "reset signals", "")                                                                  \
  X(no_new_privs, "set no_new_privs", "")                                                          \
  X(filter, "load the syscall filter", "The kernel needs CONFIG_SECCOMP_FILTER")                   \
  X(read_back, "verify capabilities, no_new_privs and filter", KILN_SEE_DOCTOR)                    \
  /* with a request: in the launcher, in the init, in the program's process */                     \
  X(resize, "give the cell its own limits", "See that the limits fit this machine")                \
  X(input_files, "write the input files", "Do they fit into /box and the memory limit?")           \
  X(init_identity, "give the init its own user", "")                                               \
  X(init_capabilities, "drop the init's capabilities", "")                                         \
  X(streams, "set descriptors 0, 1 and 2", "")                                                     \
  X(size_limits, "set the limits of files and stack", "")                                          \
  X(self_test, "verify a whole cell", KILN_SEE_DOCTOR)                                             \
  /* parts of a warm program's start and end */                                                    \
  X(warm_seeds, "draw new seeds", "")                                                              \
  X(warm_arguments, "give the program its arguments and variables", "")                            \
  X(warm_exit, "wait for threads and call what is registered for the end", "")                     \
  X(exec, "start the program", "Is it installed on the worker, below /usr?")                       \
  /* afterwards */                                                                                 \
  X(init_lost, "wait for the program", "The cell's init ended without a word; see the kernel log") \
  X(collect, "copy the artifacts out", "Is there memory for them beside the cells?")               \
  X(teardown, "see the cell gone", "A process of the cell will not die; see the kernel log")       \
  X(warm_lost, "keep the warm interpreter running", "It died; see the kernel log")                 \
  X(launcher_lost, "keep the launcher running", "The launcher died; see the kernel log")           \
  X(launcher_start, "start the launcher", KILN_NEEDS_ROOT)

#define KILN_SEE_DOCTOR "Isolation is not complete here: kiln doctor says more"
#define KILN_NEEDS_ROOT "It needs root, or in a container: --privileged"

enum class Step : uint32_t {
  none = 0,
#define KILN_X(name, what, hint) name,
  KILN_SETUP_STEPS(KILN_X)
#undef KILN_X
};

// One failed step. `error` is an errno; `index` says which of several things of the step (a file, a
// limit, a check), -1 if there is one only.
struct StepFailure {
  Step step = Step::none;
  int32_t error = 0;
  int32_t index = -1;

  bool failed() const { return step != Step::none; }
  bool operator==(const StepFailure&) const = default;
};

// "exec"; "none" for Step::none and for numbers that are no step.
std::string_view step_name(Step step);
bool is_step(uint32_t number);

// "cannot mount /proc (step mount_proc): Operation not permitted. hint". Its `field` is the step's
// name, with ".index" where there is one.
Error describe(const StepFailure& failure);

}  // namespace kiln::sandbox
