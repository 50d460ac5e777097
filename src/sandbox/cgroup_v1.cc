// Version 1: a directory in each of the hierarchies memory, cpu, cpuacct and pids (some of them may
// be one). Documentation/admin-guide/cgroup-v1/memory.rst, cpuacct.rst, pids.rst;
// scheduler/sched-bwc.rst.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "sandbox/cgroup.h"
#include "sandbox/files.h"

namespace kiln::sandbox {
namespace {

constexpr int64_t kNanosPerMicro = 1000;

// One cell's directory in one hierarchy.
struct Group {
  int parent = -1;
  std::string name;
  UniqueFd fd;
};

class CellV1 final : public CellCgroup {
 public:
  std::span<const int> join_fds() const override { return {joins_.data(), group_count_}; }
  std::span<const int> late_join_fds() override { return join_fds(); }
  int clone_fd() const override { return -1; }
  int oom_fd() const override { return oom_event_.get(); }
  short oom_poll_events() const override { return POLLIN; }

  ~CellV1() override {
    for (size_t i = 0; i < group_count_; ++i) UniqueFd(joins_[i]).reset();
  }

  int add_group(int parent, const std::string& name) {
    if (::mkdirat(parent, name.c_str(), 0755) != 0) return errno;
    Group& group = groups_[group_count_];
    group.parent = parent;
    group.name = name;
    group.fd.reset(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    joins_[group_count_] = ::openat(group.fd.get(), "tasks", O_WRONLY | O_CLOEXEC);
    const int error = joins_[group_count_] < 0 ? errno : 0;
    ++group_count_;
    return error;
  }

  void set_roles(size_t memory, size_t cpu, size_t cpuacct, size_t pids) {
    memory_ = groups_[memory].fd.get();
    cpu_ = groups_[cpu].fd.get();
    cpuacct_ = groups_[cpuacct].fd.get();
    pids_ = groups_[pids].fd.get();
  }

  int write_limits(const model::Limits& limits, int32_t& index) override {
    struct Entry {
      int directory;
      const char* file;
      int64_t value;
      bool optional;  // the kernel may lack it
    };
    const std::array entries = {
        // First out of the way of a second limit: it may not be below the other at any moment.
        Entry{limited_ ? memory_ : -1, "memory.memsw.limit_in_bytes", -1, true},
        Entry{memory_, "memory.limit_in_bytes", limits.memory_bytes, false},
        Entry{memory_, "memory.memsw.limit_in_bytes", limits.memory_bytes, true},
        Entry{memory_, "memory.swappiness", 0, true},
        Entry{cpu_, "cpu.cfs_period_us", kCpuPeriodUs, false},
        Entry{cpu_, "cpu.cfs_quota_us", cpu_quota_us(limits), false},
        Entry{pids_, "pids.max", limits.processes + kInitProcesses, false},
    };
    for (size_t i = 0; i < entries.size(); ++i) {
      const Entry& entry = entries[i];
      if (entry.directory < 0) continue;
      const int error = write_file(entry.directory, entry.file, std::to_string(entry.value));
      if (error == 0 || (entry.optional && error == ENOENT)) continue;
      index = static_cast<int32_t>(i);
      return error;
    }
    limited_ = true;
    return 0;
  }

  // memory.rst, section 10: "<event_fd> <fd of memory.oom_control>" to cgroup.event_control.
  int watch_oom() {
    oom_event_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    oom_control_.reset(::openat(memory_, "memory.oom_control", O_RDONLY | O_CLOEXEC));
    if (!oom_event_ || !oom_control_) return errno;
    return write_file(memory_, "cgroup.event_control",
                      std::to_string(oom_event_.get()) + " " + std::to_string(oom_control_.get()));
  }

  // What a kernel lacks stays closed.
  void open_counters() {
    constexpr int kFlags = O_RDONLY | O_CLOEXEC;
    cpu_stat_.reset(::openat(cpu_, "cpu.stat", kFlags));
    cpu_usage_.reset(::openat(cpuacct_, "cpuacct.usage", kFlags));
    memory_peak_.reset(::openat(memory_, "memory.max_usage_in_bytes", kFlags));
    pids_current_.reset(::openat(pids_, "pids.current", kFlags));
    pids_peak_.reset(::openat(pids_, "pids.peak", kFlags));
    pids_events_.reset(::openat(pids_, "pids.events", kFlags));
  }

  std::optional<int64_t> cpu_us() const override {
    const auto nanos = read_number_again(cpu_usage_);
    if (!nanos) return std::nullopt;
    return *nanos / kNanosPerMicro;
  }

  CellCounters counters() const override {
    CellCounters out;
    out.cpu_us = cpu_us();
    const auto throttled = keyed_number(read_again(cpu_stat_).value_or(""), "throttled_time");
    if (throttled) out.throttled_us = *throttled / kNanosPerMicro;
    out.memory_peak_bytes = read_number_again(memory_peak_);
    out.peak_processes = read_number_again(pids_peak_);
    const std::string oom = read_again(oom_control_).value_or("");
    out.oom_events = keyed_number(oom, "oom_kill").value_or(0) +
                     keyed_number(oom, "under_oom").value_or(0) + oom_notices();
    out.refused_forks = keyed_number(read_again(pids_events_).value_or(""), "max").value_or(0);
    return out;
  }

  void lift_cpu_quota() override { write_file(cpu_, "cpu.cfs_quota_us", "-1"); }

  bool empty() const override { return read_number_again(pids_current_) == 0; }

  int remove() override {
    if (memory_ >= 0 && holds_files(memory_, "cache")) {
      write_file(memory_, "memory.force_empty", "0");
    }
    int result = 0;
    for (size_t i = 0; i < group_count_; ++i) {
      const Group& group = groups_[i];
      if (::unlinkat(group.parent, group.name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
        result = errno;
      }
    }
    return result;
  }

 private:
  // How often the kernel told us that the group was out of memory; the eventfd counts.
  int64_t oom_notices() const {
    eventfd_t count = 0;
    if (oom_event_ && ::eventfd_read(oom_event_.get(), &count) == 0) {
      notices_ += static_cast<int64_t>(count);
    }
    return notices_;
  }

  static constexpr size_t kMaxGroups = 4;
  std::array<Group, kMaxGroups> groups_;
  std::array<int, kMaxGroups> joins_{-1, -1, -1, -1};
  size_t group_count_ = 0;
  int memory_ = -1, cpu_ = -1, cpuacct_ = -1, pids_ = -1;  // owned by groups_
  UniqueFd oom_event_, oom_control_;
  UniqueFd cpu_stat_, cpu_usage_, memory_peak_, pids_current_, pids_peak_, pids_events_;
  bool limited_ = false;  // they have been written once
  mutable int64_t notices_ = 0;
};

class TreeV1 final : public CgroupTree {
 public:
  uint32_t version() const override { return 1; }

  int open(const CgroupLayout& layout) {
    const std::string name = new_instance_name();
    for (const std::string& directory : layout.directories) {
      InstanceDirectory instance;
      if (const int error = InstanceDirectory::make(directory, name, instance)) return error;
      if (directory == layout.memory) memory_ = instances_.size();
      if (directory == layout.cpu) cpu_ = instances_.size();
      if (directory == layout.cpuacct) cpuacct_ = instances_.size();
      if (directory == layout.pids) pids_ = instances_.size();
      instances_.push_back(std::move(instance));
    }
    return write_file(instances_[cpu_].fd(), "cpu.shares", std::to_string(kCellsCpuShares));
  }

  std::unique_ptr<CellCgroup> create(const std::string& name, const model::Limits& limits,
                                     StepFailure& failure) override {
    auto cell = std::make_unique<CellV1>();
    failure = build(*cell, name, limits);
    if (!failure.failed()) return cell;
    cell->remove();
    return nullptr;
  }

 private:
  StepFailure build(CellV1& cell, const std::string& name, const model::Limits& limits) {
    for (size_t i = 0; i < instances_.size(); ++i) {
      if (const int error = cell.add_group(instances_[i].fd(), name)) {
        return {Step::cgroup_create, error, static_cast<int32_t>(i)};
      }
    }
    cell.set_roles(memory_, cpu_, cpuacct_, pids_);
    int32_t index = -1;
    if (const int error = cell.write_limits(limits, index)) {
      return {Step::cgroup_limits, error, index};
    }
    if (const int error = cell.watch_oom()) return {Step::oom_watch, error, -1};
    cell.open_counters();
    return {};
  }

  std::vector<InstanceDirectory> instances_;
  size_t memory_ = 0, cpu_ = 0, cpuacct_ = 0, pids_ = 0;
};

}  // namespace

std::unique_ptr<CgroupTree> make_cgroup_tree_v1(const CgroupLayout& layout, StepFailure& failure) {
  auto tree = std::make_unique<TreeV1>();
  const int error = tree->open(layout);
  failure = error != 0 ? StepFailure{Step::cgroup_setup, error, -1} : StepFailure{};
  if (error != 0) return nullptr;
  return tree;
}

}  // namespace kiln::sandbox
