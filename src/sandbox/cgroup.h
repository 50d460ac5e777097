// Control groups: what a cell may use, what it used, and whether it is empty. Versions 1 and 2 of
// the kernel's interface behind one (Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst).
//
// A launcher makes one instance directory "kiln-<random>" below its own cgroup, in each hierarchy,
// and holds flock(2) on it as long as it lives; each cell gets a directory of its own in there,
// used once. A directory whose lock can be taken belongs to no living launcher and may be swept, so
// two workers on a host never touch each other's cells.
//
// Not thread-safe: the launcher has one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "model/limits.h"
#include "sandbox/steps.h"

namespace kiln::sandbox {

struct CellCounters {
  std::optional<int64_t> cpu_us;
  std::optional<int64_t> throttled_us;  // of all its processors together
  std::optional<int64_t> memory_peak_bytes;
  std::optional<int64_t> peak_processes;  // the init included
  int64_t oom_events = 0;
  int64_t refused_forks = 0;
};

// The cgroup of one cell. Limits are all written when it is made.
class CellCgroup {
 public:
  virtual ~CellCgroup() = default;

  // How a new process enters: on version 1 it writes "0" to each of these (never a pid to
  // cgroup.procs: that takes the global threadgroup lock, and 8 to 11 ms); on version 2 it is
  // cloned into clone_fd() (CLONE_INTO_CGROUP). The other one is empty or -1.
  virtual std::span<const int> join_fds() const = 0;
  virtual int clone_fd() const = 0;

  // How a process of elsewhere enters later: it writes "0" to each of these.
  virtual std::span<const int> late_join_fds() = 0;

  // Poll this for the events given; then ask counters() whether memory ran out.
  virtual int oom_fd() const = 0;
  virtual short oom_poll_events() const = 0;

  virtual std::optional<int64_t> cpu_us() const = 0;
  virtual CellCounters counters() const = 0;

  // Writes every limit. An errno, with `index` saying which, or 0.
  virtual int write_limits(const model::Limits& limits, int32_t& index) = 0;

  // For a cell that is being killed: a throttled process cannot die.
  virtual void lift_cpu_quota() = 0;

  // No process is in it, dead ones that nobody has waited for included.
  virtual bool empty() const = 0;

  // Lets go of memory still charged (page cache would keep the group as a zombie) and removes the
  // directories. 0: gone. EBUSY: a process is still in it; ask again soon.
  virtual int remove() = 0;
};

class CgroupTree {
 public:
  virtual ~CgroupTree() = default;
  virtual uint32_t version() const = 0;
  // nullptr: `failure` says why, and nothing is left behind. `name` is unique in this tree.
  virtual std::unique_ptr<CellCgroup> create(const std::string& name, const model::Limits& limits,
                                             StepFailure& failure) = 0;
};

// Where this process may make groups: for each hierarchy it needs, the directory of its own cgroup.
struct CgroupLayout {
  uint32_t version = 0;                    // 0: the controllers needed are not there
  std::vector<std::string> directories;    // distinct; version 2: one
  std::string memory, cpu, cpuacct, pids;  // which of them (version 1)
  std::string missing;                     // version 0: the first controller that is missing
};
// Pure: from the texts of /proc/self/mountinfo, /proc/self/cgroup and the unified hierarchy's
// cgroup.controllers ("" if there is none). Version 2 if it has all controllers, else version 1.
CgroupLayout find_cgroups(std::string_view mountinfo, std::string_view self_cgroup,
                          std::string_view unified_controllers);
CgroupLayout find_own_cgroups();

// Makes and locks the instance's directories, after sweeping dead ones.
std::unique_ptr<CgroupTree> make_cgroup_tree(const CgroupLayout& layout, StepFailure& failure);
std::unique_ptr<CgroupTree> make_cgroup_tree_v1(const CgroupLayout& layout, StepFailure& failure);
std::unique_ptr<CgroupTree> make_cgroup_tree_v2(const CgroupLayout& layout, StepFailure& failure);

// Removes instance directories whose launcher is dead, with the cells in them. Returns how many
// could not be removed.
int sweep_cgroups(const CgroupLayout& layout);

// The share of one core in four that all cells together get against one ordinary group.
inline constexpr int kCellsCpuShares = 256;  // cpu.shares, of 1024
inline constexpr int kCellsCpuWeight = 25;   // cpu.weight, of 100
inline constexpr int64_t kCpuPeriodUs = 100'000;
inline constexpr int64_t kMinCpuQuotaUs = 1'000;  // the kernel's least
inline constexpr int64_t kInitProcesses = 1;      // our init counts in pids.max

int64_t cpu_quota_us(const model::Limits& limits);

// Whether a memory group is charged for pages of files, such as those of a host's library that it
// was the first to read; they would keep it in the kernel after its removal. `key`: what version's
// memory.stat calls page cache. tmpfs counts there, too, and goes with its mount. The kernel's
// figures are late by up to some hundred pages: what that hides goes when the cache is reclaimed.
bool holds_files(int directory, std::string_view key);

// One instance directory: made, locked, removed when destroyed (it must be empty by then).
class InstanceDirectory {
 public:
  // An errno, or 0.
  static int make(const std::string& parent, const std::string& name, InstanceDirectory& out);
  InstanceDirectory() = default;
  ~InstanceDirectory();
  InstanceDirectory(InstanceDirectory&&) = default;
  InstanceDirectory& operator=(InstanceDirectory&&) = default;

  int fd() const { return fd_.get(); }

 private:
  std::string name_;
  UniqueFd parent_, fd_;  // fd_ holds the lock
};

std::string new_instance_name();

}  // namespace kiln::sandbox
