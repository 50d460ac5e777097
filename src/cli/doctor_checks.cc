#include "cli/doctor_checks.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <sstream>

#include "cli/privileges.h"
#include "sandbox/cgroup.h"
#include "sandbox/files.h"

namespace kiln::cli {
namespace {

constexpr const char* kKernel = "kernel";
constexpr const char* kGroups = "control groups";
constexpr const char* kUsers = "users";
constexpr const char* kFiles = "files";
constexpr uint64_t kMB = uint64_t{1} << 20U;
constexpr uint64_t kLittleSpace = 1'024 * kMB;
constexpr uint64_t kFewDescriptors = 1'024;

std::string file_text(const char* path) {
  std::string text = sandbox::read_file(AT_FDCWD, path).value_or("");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Check good(std::string name, const char* group, std::string finding, std::string why) {
  return {std::move(name), group, CheckState::ok, std::move(finding), std::move(why), "", false};
}

Check bad(Check check, CheckState state, std::string mend) {
  check.state = state;
  check.mend = std::move(mend);
  check.required = state == CheckState::missing;
  return check;
}

Check kernel_version() {
  utsname name{};
  ::uname(&name);
  return good("version", kKernel,
              std::string(name.sysname) + " " + name.release + " " + name.machine,
              "cells rest on its namespaces, control groups and filters");
}

// With arguments that do nothing: an ENOSYS says that it is not there.
bool has_call(long number) {
  errno = 0;
  ::syscall(number, -1, nullptr, nullptr, 0, 0, 0);
  return errno != ENOSYS;
}

Check system_calls() {
  constexpr std::array<std::pair<const char*, long>, 6> kNeeded = {
      {{"openat2", SYS_openat2},
       {"pidfd_open", SYS_pidfd_open},
       {"clone3", SYS_clone3},
       {"mount_setattr", SYS_mount_setattr},
       {"close_range", SYS_close_range},
       {"memfd_create", SYS_memfd_create}}};
  std::string missing;
  for (const auto& [name, number] : kNeeded) {
    if (!has_call(number)) missing += (missing.empty() ? "" : " ") + std::string(name);
  }
  Check check = good("system calls", kKernel, "all that are needed",
                     "files are reached without links, processes without computed ids");
  if (missing.empty()) return check;
  check.finding = "not there: " + missing;
  return bad(std::move(check), CheckState::missing, "Use a kernel from 5.12 on");
}

// What may forbid user namespaces, and the value that does. Root's cells need the first one only.
Check user_namespaces() {
  struct Setting {
    const char* path;
    const char* bad;
    const char* mend;
    CheckState state;
  };
  constexpr std::array kSettings = {
      Setting{"/proc/sys/user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=10000",
              CheckState::missing},
      Setting{"/proc/sys/kernel/unprivileged_userns_clone", "0",
              "sysctl -w kernel.unprivileged_userns_clone=1", CheckState::degraded},
      Setting{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
              "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0", CheckState::degraded}};
  Check check = good("user namespaces", kKernel, "allowed",
                     "what a program gains inside a cell is worth nothing outside");
  for (const Setting& setting : kSettings) {
    if (file_text(setting.path) != setting.bad) continue;
    check.finding = std::string(setting.path) + " is " + setting.bad;
    return bad(std::move(check), setting.state, setting.mend);
  }
  return check;
}

Check syscall_filters() {
  const std::string have = " " + file_text("/proc/sys/kernel/seccomp/actions_avail") + " ";
  std::string missing;
  for (const char* action : {"kill_process", "errno", "user_notif", "allow"}) {
    if (have.find(" " + std::string(action) + " ") == std::string::npos) {
      missing += (missing.empty() ? "" : " ") + std::string(action);
    }
  }
  Check check = good("syscall filters", kKernel, "kill_process errno user_notif allow",
                     "what a program asks of the kernel is answered by a list");
  if (missing.empty()) return check;
  check.finding = "the kernel lacks: " + missing;
  return bad(std::move(check), CheckState::missing, "Use a kernel with CONFIG_SECCOMP_FILTER");
}

Check subordinate_range(const char* path, const std::string& user, uint64_t needed) {
  const uint64_t have = subordinate_ids(file_text(path), user, std::to_string(::getuid()));
  Check check = good(path, kUsers, std::to_string(have) + " ids of " + user,
                     "a user's own cells would need " + std::to_string(needed));
  if (have >= needed) return check;
  return bad(std::move(check), CheckState::degraded,
             std::string("usermod ") +
                 (std::string_view(path).ends_with("uid") ? "--add-subuids " : "--add-subgids ") +
                 "231072-" + std::to_string(231072 + needed - 1) + " " + user);
}

std::string own_name() {
  const passwd* entry = ::getpwuid(::getuid());
  return entry == nullptr ? std::to_string(::getuid()) : entry->pw_name;
}

// The path itself, or what of it is there.
std::string nearest_there(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::path there = path;
  while (there.has_relative_path() && !std::filesystem::exists(there, ignored)) {
    there = there.parent_path();
  }
  return there.string();
}

Check room_check(const struct statvfs& space) {
  const uint64_t left = space.f_bavail * space.f_frsize;
  Check room = good("free space", kFiles, std::to_string(left / kMB) + " MB",
                    "a full disk stops submissions");
  if (left >= kLittleSpace) return room;
  return bad(std::move(room), CheckState::degraded, "Make room, or name another with --data");
}

Check descriptor_check() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  Check files = good("descriptors", kFiles, std::to_string(limit.rlim_max),
                     "each connection takes one, each cell some ten");
  if (limit.rlim_max >= kFewDescriptors) return files;
  return bad(std::move(files), CheckState::degraded, "ulimit -Hn 65536");
}

}  // namespace

std::string_view to_string(CheckState state) {
  constexpr std::array<std::string_view, 4> kWords = {
#define KILN_X(name) #name,
      KILN_CHECK_STATES(KILN_X)
#undef KILN_X
  };
  return kWords.at(static_cast<size_t>(state));
}

uint64_t subordinate_ids(std::string_view text, std::string_view user, std::string_view uid) {
  uint64_t sum = 0;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string_view name = std::string_view(line).substr(0, first);
    const std::string_view digits = std::string_view(line).substr(second + 1);
    uint64_t count = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    const bool number = error == std::errc() && end == digits.data() + digits.size();
    if (number && (name == user || name == uid)) sum += count;
  }
  return sum;
}

std::vector<Check> isolation_checks(const std::optional<Error>& failure) {
  const auto step = failure ? sandbox::failure_in(*failure) : std::nullopt;
  std::vector<Check> checks;
  for (const sandbox::Property& property : sandbox::judge_isolation(step)) {
    Check check = good(std::string(property.name), "isolation", "holds", std::string(property.why));
    const bool unknown = (failure && !step) || property.holds == sandbox::Holds::unknown;
    if (unknown) {
      check.state = CheckState::unchecked;
      check.finding = "not reached";
    } else if (property.holds == sandbox::Holds::no) {
      check.finding = failure->message + (failure->cause.empty() ? "" : ": " + failure->cause);
      check = bad(std::move(check), CheckState::missing, failure->hint);
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

std::vector<Check> kernel_checks() {
  return {kernel_version(), system_calls(), user_namespaces(), syscall_filters()};
}

std::vector<Check> cgroup_checks() {
  const sandbox::CgroupLayout layout = sandbox::find_own_cgroups();
  Check version = good("version", kGroups, "version " + std::to_string(layout.version),
                       "limits act on all of a cell, and its cost is counted");
  if (layout.version == 0) {
    version.finding = "the controller " + layout.missing + " is not there";
    return {bad(std::move(version), CheckState::missing,
                layout.missing == "cgroup2"
                    ? "mount -t cgroup2 cgroup2 /sys/fs/cgroup"
                    : "mkdir -p /sys/fs/cgroup/" + layout.missing + "; mount -t cgroup -o " +
                          layout.missing + " cgroup /sys/fs/cgroup/" + layout.missing)};
  }
  std::string where;
  for (const std::string& directory : layout.directories) {
    where += (where.empty() ? "" : " ") + directory;
  }
  Check places = good("where", kGroups, where, "each cell gets a group of its own there");
  const bool writable = std::ranges::all_of(
      layout.directories, [](const auto& one) { return ::access(one.c_str(), W_OK) == 0; });
  if (!writable) {
    places.finding += " (not writable)";
    places =
        bad(std::move(places), CheckState::missing,
            is_root() ? "mount -o remount,rw " + layout.directories.front() : "sudo kiln doctor");
  }
  return {std::move(version), std::move(places)};
}

std::vector<Check> user_checks(uint32_t cells) {
  if (is_root()) {
    const auto user = service_user();
    Check check = good("service user", kUsers, user ? user->name : "none",
                       "everything but the launcher runs as this user");
    if (!user) check = bad(std::move(check), CheckState::missing, "useradd --system kiln");
    return {std::move(check)};
  }
  const std::string user = own_name();
  const uint64_t needed = uint64_t{2} * cells;
  Check root = good("root", kUsers, "started by " + user,
                    "cells are made by root; everything else then runs as an ordinary user");
  Check helper =
      good("newuidmap, newgidmap", kUsers, "in /usr/bin", "a user's own cells would need them");
  if (::access("/usr/bin/newuidmap", X_OK) != 0 || ::access("/usr/bin/newgidmap", X_OK) != 0) {
    helper.finding = "not installed";
    helper = bad(std::move(helper), CheckState::degraded, "apt-get install uidmap");
  }
  return {bad(std::move(root), CheckState::missing, "sudo kiln doctor"), std::move(helper),
          subordinate_range("/etc/subuid", user, needed),
          subordinate_range("/etc/subgid", user, needed)};
}

std::vector<Check> data_checks(const std::string& directory, const std::string& user) {
  Check data = good("data directory", kFiles, directory, "tasks are kept there");
  const std::string there = nearest_there(directory);
  struct statvfs space {};
  ::statvfs(there.c_str(), &space);
  const bool exists = there == directory;
  const bool writable = ::access(there.c_str(), exists ? R_OK | W_OK | X_OK : W_OK) == 0;
  if (!exists) data.finding += " (will be made)";
  if (!writable || (space.f_flag & ST_RDONLY) != 0) {
    data.finding = there + " cannot be written by " + user;
    data = bad(std::move(data), CheckState::degraded,
               exists ? "chown -R " + user + " " + directory + ", or name another with --data"
                      : "Name another with --data");
  }
  return {std::move(data), room_check(space), descriptor_check()};
}

}  // namespace kiln::cli
