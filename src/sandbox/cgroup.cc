#include "sandbox/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <sstream>

#include "base/random.h"
#include "sandbox/files.h"

namespace kiln::sandbox {
namespace {

constexpr std::string_view kInstancePrefix = "kiln-";
// A sweeper of another launcher may take a new directory for a dead one before its lock is held.
constexpr int kMakeTries = 10;
constexpr std::array<std::string_view, 3> kV2Controllers = {"memory", "cpu", "pids"};

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);) out.push_back(part);
  return out;
}

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

// proc(5), /proc/PID/mountinfo: "36 35 98:0 /root /mountpoint rw ... - fstype source options".
struct Mount {
  std::string root, point, type;
  std::vector<std::string> options;
};

std::optional<Mount> parse_mount(const std::string& line) {
  const std::vector<std::string> words = split(line, ' ');
  const auto dash = std::ranges::find(words, "-");
  if (words.size() < 6 || words.end() - dash < 4) return std::nullopt;
  return Mount{words[3], words[4], dash[1], split(dash[3], ',')};
}

// /proc/self/cgroup: "4:memory,cpu:/path", version 2: "0::/path".
std::string own_path(std::string_view self_cgroup, std::string_view controller) {
  for (const std::string& line : split(self_cgroup, '\n')) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    const bool match = controller.empty() ? names.empty() : contains(split(names, ','), controller);
    if (match) return line.substr(second + 1);
  }
  return "/";
}

// The own cgroup's directory below a mount that shows the hierarchy from `root` on.
std::string directory_of(const Mount& mount, std::string path) {
  if (mount.root != "/" && path.starts_with(mount.root)) path.erase(0, mount.root.size());
  if (path == "/" || path.find("..") != std::string::npos) path.clear();
  return mount.point + path;
}

std::string find_v1(const std::vector<Mount>& mounts, std::string_view self_cgroup,
                    std::string_view controller) {
  for (const Mount& mount : mounts) {
    if (mount.type != "cgroup" || !contains(mount.options, controller)) continue;
    return directory_of(mount, own_path(self_cgroup, controller));
  }
  return "";
}

CgroupLayout missing_controller(std::string_view name) {
  CgroupLayout out;
  out.missing = name;
  return out;
}

CgroupLayout layout_v1(const std::vector<Mount>& mounts, std::string_view self_cgroup) {
  CgroupLayout out;
  const std::array<std::pair<std::string_view, std::string CgroupLayout::*>, 4> needed = {{
      {"memory", &CgroupLayout::memory},
      {"cpu", &CgroupLayout::cpu},
      {"cpuacct", &CgroupLayout::cpuacct},
      {"pids", &CgroupLayout::pids},
  }};
  for (const auto& [name, member] : needed) {
    out.*member = find_v1(mounts, self_cgroup, name);
    if ((out.*member).empty()) return missing_controller(name);
    if (!contains(out.directories, out.*member)) out.directories.push_back(out.*member);
  }
  out.version = 1;
  return out;
}

// Instances hold cells, cells hold nothing: two levels are all there is.
int remove_instance(const std::string& path) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path, ignored)) {
    if (!entry.is_directory(ignored)) continue;
    write_file(AT_FDCWD, (entry.path() / "memory.force_empty").c_str(), "0");
    ::rmdir(entry.path().c_str());
  }
  return ::rmdir(path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

int sweep_directory(const std::string& parent) {
  int left = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
    if (!entry.path().filename().string().starts_with(kInstancePrefix)) continue;
    const UniqueFd fd(::open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (remove_instance(entry.path().string()) != 0) ++left;
  }
  return left;
}

}  // namespace

CgroupLayout find_cgroups(std::string_view mountinfo, std::string_view self_cgroup,
                          std::string_view unified_controllers) {
  std::vector<Mount> mounts;
  for (const std::string& line : split(mountinfo, '\n')) {
    if (auto mount = parse_mount(line)) mounts.push_back(std::move(*mount));
  }
  std::string controllers(unified_controllers);
  std::ranges::replace(controllers, '\n', ' ');
  const std::vector<std::string> have = split(controllers, ' ');
  const bool v2 = std::ranges::all_of(kV2Controllers, [&](auto c) { return contains(have, c); });
  if (!v2) return layout_v1(mounts, self_cgroup);
  for (const Mount& mount : mounts) {
    if (mount.type != "cgroup2") continue;
    CgroupLayout out;
    out.version = 2;
    out.directories.push_back(directory_of(mount, own_path(self_cgroup, "")));
    if (out.directories[0] != mount.point) out.directories.push_back(mount.point);
    return out;
  }
  return missing_controller("cgroup2");
}

CgroupLayout find_own_cgroups() {
  const std::string mountinfo = read_file(AT_FDCWD, "/proc/self/mountinfo").value_or("");
  std::string unified;
  for (const std::string& line : split(mountinfo, '\n')) {
    const auto mount = parse_mount(line);
    if (!mount || mount->type != "cgroup2") continue;
    unified = read_file(AT_FDCWD, (mount->point + "/cgroup.controllers").c_str()).value_or("");
    break;
  }
  return find_cgroups(mountinfo, read_file(AT_FDCWD, "/proc/self/cgroup").value_or(""), unified);
}

std::unique_ptr<CgroupTree> make_cgroup_tree(const CgroupLayout& layout, StepFailure& failure) {
  failure = {Step::cgroup_setup, ENOENT, -1};
  if (layout.version == 0) return nullptr;
  sweep_cgroups(layout);
  std::unique_ptr<CgroupTree> tree;
  for (int i = 0; i < kMakeTries && !tree; ++i) {
    tree = layout.version == 2 ? make_cgroup_tree_v2(layout, failure)
                               : make_cgroup_tree_v1(layout, failure);
    if (failure.error != EAGAIN) break;
  }
  return tree;
}

int sweep_cgroups(const CgroupLayout& layout) {
  int left = 0;
  for (const std::string& directory : layout.directories) left += sweep_directory(directory);
  return left;
}

int64_t cpu_quota_us(const model::Limits& limits) {
  return std::max(kMinCpuQuotaUs, limits.cpus_milli * (kCpuPeriodUs / 1000));
}

bool holds_files(int directory, std::string_view key) {
  const auto stat = read_file(directory, "memory.stat");
  if (!stat) return true;
  return keyed_number(*stat, key).value_or(1) > keyed_number(*stat, "shmem").value_or(0);
}

int InstanceDirectory::make(const std::string& parent, const std::string& name,
                            InstanceDirectory& out) {
  UniqueFd above(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!above || ::mkdirat(above.get(), name.c_str(), 0755) != 0) return errno;
  UniqueFd fd(::openat(above.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno;
  // A sweeper may have come between mkdir and flock: then the directory is there no more.
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return errno;
  if (::faccessat(above.get(), name.c_str(), F_OK, 0) != 0) return EAGAIN;
  out.name_ = name;
  out.parent_ = std::move(above);
  out.fd_ = std::move(fd);
  return 0;
}

InstanceDirectory::~InstanceDirectory() {
  if (fd_) ::unlinkat(parent_.get(), name_.c_str(), AT_REMOVEDIR);
}

std::string new_instance_name() {
  Random random = seeded_random();
  std::ostringstream out;
  out << kInstancePrefix << std::hex << random();
  return out.str();
}

}  // namespace kiln::sandbox
