// The program's process from its fork to exec, and the parts that the init shares with it. All of
// it async-signal-safe; the functions return 0 or an errno.
#pragma once

#include "sandbox/cell_child.h"
#include "sandbox/root_template.h"

namespace kiln::sandbox {

// Ends in exec or plan.start, or tells plan.exec_report what failed. With plan.init_fd it enters
// the cell first; it must be of one thread then, and root where the cell was made.
[[noreturn]] void run_program(CellPlan& plan);
// execve(2) of plan.program; returns an errno.
int exec_program(CellPlan& plan);

// Writes "0" to each of plan.cgroup_joins; needs the right to.
int join_cgroups(CellPlan& plan);
// capabilities(7). Needs CAP_SETPCAP.
int empty_bounding_set(CellPlan& plan);
// No capability comes back by becoming user 0 or by exec; locked. Needs CAP_SETPCAP.
int lock_secure_bits(CellPlan& plan);
// Supplementary groups, group and user, all three of each. Needs CAP_SETUID and CAP_SETGID.
int change_identity(unsigned inner_id);
// All three of user and group are `inner_id`, and there are no other groups.
bool has_identity(unsigned inner_id);
// Ambient, then effective, permitted and inheritable.
int empty_capabilities();

// The checks of the canary; 0, or an errno with `index` saying which check failed.
int check_cell(const CellPlan& plan, int32_t& index);

// The fields of /proc/self/status that the read-back compares; nothing is trusted that was not
// found.
struct EffectiveState {
  uint64_t inheritable = ~0ULL, permitted = ~0ULL, effective = ~0ULL, bounding = ~0ULL,
           ambient = ~0ULL;
  uint64_t no_new_privs = 0;
  uint64_t seccomp = 0;
  uint64_t seccomp_filters = 0;
};
// False: the file could not be read.
bool read_effective_state(EffectiveState& out);
// `filters`: how many of them there must be.
bool is_confined(const EffectiveState& state, uint64_t filters);

// 1, not 0: a core_pattern that is a pipe runs its handler as the host's root for a limit of 0 too;
// a limit of 1 is the kernel's sign for "do not" (fs/coredump.c), and is too small for a core file.
inline constexpr unsigned long kCoreBytes = 1;

}  // namespace kiln::sandbox
