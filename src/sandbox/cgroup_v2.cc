// Version 2: one directory. Documentation/admin-guide/cgroup-v2.rst. A group with processes of its
// own cannot pass controllers on ("no internal processes"), the root excepted: where our own cgroup
// is such a group, the instance goes below the root of the mount.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "sandbox/cgroup.h"
#include "sandbox/files.h"

namespace kiln::sandbox {
namespace {

constexpr const char* kControllers = "+memory +cpu +pids";

class CellV2 final : public CellCgroup {
 public:
  CellV2(int parent, std::string name) : parent_(parent), name_(std::move(name)) {}

  std::span<const int> join_fds() const override { return {}; }
  int clone_fd() const override { return fd_.get(); }
  std::span<const int> late_join_fds() override {
    if (!procs_) procs_.reset(::openat(fd_.get(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
    join_ = procs_.get();
    return {&join_, 1};
  }
  int oom_fd() const override { return events_.get(); }
  short oom_poll_events() const override { return POLLPRI; }

  int create() {
    if (::mkdirat(parent_, name_.c_str(), 0755) != 0) return errno;
    fd_.reset(::openat(parent_, name_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return fd_ ? 0 : errno;
  }

  int write_limits(const model::Limits& limits, int32_t& index) override {
    struct Entry {
      const char* file;
      std::string value;
      bool optional;  // absent without swap
    };
    const std::array entries = {
        Entry{"memory.max", std::to_string(limits.memory_bytes), false},
        Entry{"memory.swap.max", "0", true},
        Entry{"memory.oom.group", "1", false},
        Entry{"cpu.max", std::to_string(cpu_quota_us(limits)) + " " + std::to_string(kCpuPeriodUs),
              false},
        Entry{"pids.max", std::to_string(limits.processes + kInitProcesses), false},
    };
    for (size_t i = 0; i < entries.size(); ++i) {
      const int error = write_file(fd_.get(), entries[i].file, entries[i].value);
      if (error == 0 || (entries[i].optional && error == ENOENT)) continue;
      index = static_cast<int32_t>(i);
      return error;
    }
    return 0;
  }

  // A change of memory.events raises POLLPRI once it has been read.
  int watch_oom() {
    events_.reset(::openat(fd_.get(), "memory.events", O_RDONLY | O_CLOEXEC));
    if (!events_) return errno;
    std::array<char, 512> text{};
    return ::read(events_.get(), text.data(), text.size()) < 0 ? errno : 0;
  }

  std::optional<int64_t> cpu_us() const override {
    return keyed_number(read_file(fd_.get(), "cpu.stat").value_or(""), "usage_usec");
  }

  CellCounters counters() const override {
    CellCounters out;
    const std::string cpu = read_file(fd_.get(), "cpu.stat").value_or("");
    out.cpu_us = keyed_number(cpu, "usage_usec");
    out.throttled_us = keyed_number(cpu, "throttled_usec");
    out.memory_peak_bytes = read_number(fd_.get(), "memory.peak");
    out.peak_processes = read_number(fd_.get(), "pids.peak");
    std::array<char, 512> text{};
    const ssize_t got = ::pread(events_.get(), text.data(), text.size(), 0);
    const std::string_view events(text.data(), got > 0 ? static_cast<size_t>(got) : 0);
    out.oom_events =
        keyed_number(events, "oom_kill").value_or(0) + keyed_number(events, "oom").value_or(0);
    out.refused_forks =
        keyed_number(read_file(fd_.get(), "pids.events").value_or(""), "max").value_or(0);
    return out;
  }

  void lift_cpu_quota() override { write_file(fd_.get(), "cpu.max", "max"); }

  bool empty() const override { return read_number(fd_.get(), "pids.current") == 0; }

  int remove() override {
    if (fd_ && holds_files(fd_.get(), "file")) {
      const auto charged = read_number(fd_.get(), "memory.current");
      write_file(fd_.get(), "memory.reclaim", std::to_string(charged.value_or(0)));
    }
    if (::unlinkat(parent_, name_.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
    return errno;
  }

 private:
  int parent_;
  std::string name_;
  UniqueFd fd_, events_, procs_;
  int join_ = -1;
};

class TreeV2 final : public CgroupTree {
 public:
  uint32_t version() const override { return 2; }

  int open(const std::string& directory) {
    if (const int error =
            write_file(AT_FDCWD, (directory + "/cgroup.subtree_control").c_str(), kControllers)) {
      return error;
    }
    if (const int error = InstanceDirectory::make(directory, new_instance_name(), instance_)) {
      return error;
    }
    if (const int error =
            write_file(instance_.fd(), "cpu.weight", std::to_string(kCellsCpuWeight))) {
      return error;
    }
    return write_file(instance_.fd(), "cgroup.subtree_control", kControllers);
  }

  std::unique_ptr<CellCgroup> create(const std::string& name, const model::Limits& limits,
                                     StepFailure& failure) override {
    auto cell = std::make_unique<CellV2>(instance_.fd(), name);
    failure = build(*cell, limits);
    if (!failure.failed()) return cell;
    cell->remove();
    return nullptr;
  }

 private:
  static StepFailure build(CellV2& cell, const model::Limits& limits) {
    int32_t index = -1;
    if (const int error = cell.create()) return {Step::cgroup_create, error, -1};
    if (const int error = cell.write_limits(limits, index)) {
      return {Step::cgroup_limits, error, index};
    }
    if (const int error = cell.watch_oom()) return {Step::oom_watch, error, -1};
    return {};
  }

  InstanceDirectory instance_;
};

}  // namespace

std::unique_ptr<CgroupTree> make_cgroup_tree_v2(const CgroupLayout& layout, StepFailure& failure) {
  int error = ENOENT;
  for (const std::string& directory : layout.directories) {
    auto tree = std::make_unique<TreeV2>();
    error = tree->open(directory);
    if (error == 0) {
      failure = {};
      return tree;
    }
  }
  failure = {Step::cgroup_setup, error, -1};
  return nullptr;
}

}  // namespace kiln::sandbox
