#include "sandbox/cell_host.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "sandbox/cell_program.h"
#include "sandbox/faults.h"
#include "sandbox/files.h"
#include "sandbox/root_template.h"
#include "sandbox/seccomp_policy.h"

namespace kiln::sandbox {
namespace {

StepFailure prepare_mounts(UniqueFd& proc) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return {Step::launcher_mounts, errno, -1};
  }
  // Of our own pid namespace: the pids that we know, and write maps by, are looked up here.
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    return {Step::launcher_proc, errno, 0};
  }
  proc.reset(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return proc ? StepFailure{} : StepFailure{Step::launcher_proc, errno, 1};
}

// A cell takes some twenty descriptors here; the usual soft limit of 1024 would be forty cells.
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Under the policy nobody may change it any more.
void forbid_cores() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_CORE, &limit) != 0) return;
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, kCoreBytes);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_CORE, &limit);
}

StepFailure prepare_state_directory() {
  if (::mkdir(kStateDirectory, 0755) != 0 && errno != EEXIST) return {Step::uid_range, errno, 0};
  struct stat status {};
  if (::lstat(kStateDirectory, &status) != 0) return {Step::uid_range, errno, 1};
  if (!S_ISDIR(status.st_mode) || status.st_uid != 0 || (status.st_mode & 0022) != 0) {
    return {Step::uid_range, EPERM, 1};
  }
  return {};
}

StepFailure compile_filter(const std::vector<PolicyRule>& rules, Answer unlisted,
                           std::vector<sock_filter>& out) {
  auto program = compile_policy(rules, unlisted);
  if (!program) return {Step::filter_compile, EINVAL, 2};
  out = std::move(*program);
  return out.size() > BPF_MAXINSNS ? StepFailure{Step::filter_compile, E2BIG, 3} : StepFailure{};
}

// Each call that some profile names, and what this one's cells are answered.
std::vector<ProgramFilter::Probe> make_probes(const Profiles& profiles, size_t profile) {
  std::array<uint64_t, 6> all_bits{};
  all_bits.fill(~uint64_t{0});
  std::map<std::string, Answer> answers;
  for (size_t i = 1; i < profiles.size(); ++i) {
    for (const PolicyRule& rule : profiles[i]) {
      const auto& rules = profiles[i == profile ? i : 0];
      answers[rule.syscall] = answer_of(rules, rule.syscall, all_bits);
    }
  }
  std::vector<ProgramFilter::Probe> out;
  for (const auto& [name, answer] : answers) {
    if (const auto number = syscall_number(name)) out.push_back({*number, errno_of(answer)});
  }
  return out;
}

// As root, so that no_new_privs need not be set here (seccomp(2)).
StepFailure load_shared_filter(std::vector<sock_filter>& filter) {
  if (is_left_out(Step::shared_filter)) return {};
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  const long loaded = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
  return loaded == 0 ? StepFailure{} : StepFailure{Step::shared_filter, errno, 0};
}

// Last of all: from here on this process is under the policy, too.
StepFailure prepare_filters(CellHost& host) {
  const auto profiles = builtin_profiles();
  if (!profiles) return {Step::filter_compile, EINVAL, 0};
  const auto split = split_policies(*profiles);
  if (!split) return {Step::filter_compile, EINVAL, 1};
  std::vector<sock_filter> shared;
  if (StepFailure f = compile_filter(split->shared, Answer::enosys, shared); f.failed()) return f;
  for (size_t i = 0; i < host.filters.size(); ++i) {
    std::vector<sock_filter>& code = host.filters.at(i).code;
    if (StepFailure f = compile_filter(split->own[i], Answer::allow, code); f.failed()) return f;
    host.filters.at(i).probes = make_probes(*profiles, i);
  }
  if (StepFailure f = load_shared_filter(shared); f.failed()) return f;
  const auto status = read_file(host.proc.get(), "self/status");
  const auto filters = keyed_number(status.value_or(""), "Seccomp_filters:");
  if (!filters) return {Step::shared_filter, ENODATA, 1};
  host.filter_count = static_cast<uint64_t>(*filters) + 1;
  return {};
}

// pivot_root(2), the note on pivot_root(".", "."): the old root ends up on top of the new one.
StepFailure enter_template(const char* directory) {
  if (is_left_out(Step::pivot_root)) return {};
  if (::chdir(directory) != 0) return {Step::pivot_root, errno, 0};
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return {Step::pivot_root, errno, 1};
  if (!is_left_out(Step::detach_root) && ::umount2(".", MNT_DETACH) != 0)
    return {Step::detach_root, errno, 0};
  return ::chdir("/") == 0 ? StepFailure{} : StepFailure{Step::detach_root, errno, 1};
}

}  // namespace

StepFailure prepare_host(uint32_t first_uid, uint32_t uid_count, const UniqueFd& site_library,
                         CellHost& out) {
  allow_many_descriptors();
  forbid_cores();
  const CgroupLayout layout = find_own_cgroups();  // by the /proc of the monitor's namespace
  if (StepFailure f = prepare_mounts(out.proc); f.failed()) return f;
  if (StepFailure f = prepare_state_directory(); f.failed()) return f;
  if (const int error = out.networks.start(out.proc.get())) return {Step::network, error, 0};
  StepFailure failure;
  const std::string lock_file = std::string(kStateDirectory) + "/uids.lock";
  out.uids = UidRange::lock(lock_file, first_uid, uid_count, failure);
  if (!out.uids) return failure;
  out.cgroups = make_cgroup_tree(layout, failure);
  if (!out.cgroups) return failure;
  // It covers the state directory, in this mount namespace only.
  if (StepFailure f = build_root_template(kStateDirectory, site_library); f.failed()) return f;
  out.namespaces = own_namespaces();
  wire::reserve_view(out.order_view);
  if (StepFailure f = enter_template(kStateDirectory); f.failed()) return f;
  if (StepFailure f = prepare_filters(out); f.failed()) return f;
  ::malloc_trim(0);  // a cell begins as a copy of this process' memory
  return {};
}

}  // namespace kiln::sandbox
