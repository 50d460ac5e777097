// The first half of a cell's life: from the request to the clone that becomes its init.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <tuple>

#include "sandbox/cell.h"
#include "sandbox/faults.h"
#include "sandbox/files.h"
#include "sandbox/memory_file.h"
#include "sandbox/root_template.h"
#include "sandbox/socket.h"

namespace kiln::sandbox {
namespace {

MountOptions tmpfs_options(int64_t bytes, int64_t inodes, unsigned mode, uint32_t owner) {
  MountOptions out;
  // The root directory is an inode, too.
  std::snprintf(out.text.data(), out.text.size(), "size=%lld,nr_inodes=%lld,mode=%o,uid=%u,gid=%u",
                static_cast<long long>(bytes), static_cast<long long>(inodes + 1), mode, owner,
                owner);
  return out;
}

// A mount that the cell has made, by a descriptor of its root: nobody in the cell has the right to
// (fspick(2), fsconfig(2)). 0 or an errno.
int resize_tmpfs(int directory, int64_t bytes, int64_t inodes) {
  const UniqueFd context(
      static_cast<int>(::syscall(SYS_fspick, directory, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC)));
  if (!context) return errno;
  const auto set = [&](const char* key, int64_t value) {
    return ::syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, key,
                     std::to_string(value).c_str(), 0) == 0;
  };
  // The root directory is an inode, too.
  if (!set("size", bytes) || !set("nr_inodes", inodes + 1)) return errno;
  const long done =
      ::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0);
  return done == 0 ? 0 : errno;
}

uint64_t namespace_flags() {
  constexpr std::array<std::pair<Step, uint64_t>, 4> kFlags = {
      {{Step::pid_namespace, CLONE_NEWPID},
       {Step::mount_namespace, CLONE_NEWNS},
       {Step::ipc_namespace, CLONE_NEWIPC},
       {Step::uts_namespace, CLONE_NEWUTS}}};
  uint64_t out = 0;
  for (const auto& [part, flag] : kFlags) out |= is_left_out(part) ? 0 : flag;
  return out;
}

// The request's, for its control group.
model::Limits group_limits(model::Limits limits) {
  constexpr int64_t kNoLimit = 1'000'000;
  if (is_left_out(Step::memory_limit)) limits.memory_bytes = kNoLimit * model::kMB;
  if (is_left_out(Step::cpu_limit)) limits.cpus_milli = kNoLimit;
  if (is_left_out(Step::process_limit)) limits.processes = kNoLimit;
  return limits;
}

// What a test wants to go wrong before one of these steps, if anything.
StepFailure wanted_fault(std::initializer_list<Step> steps, const wire::RunView* request) {
  for (const Step step : steps) {
    if (const int error = step_fault(step, request); error > 0) return {step, error, -1};
  }
  return {};
}

}  // namespace

// The payload is mapped for as long as `view` is used here; the cell maps it for itself.
class Cell::Payload {
 public:
  ~Payload() {
    if (memory_ != nullptr) ::munmap(memory_, size_);
  }
  StepFailure read(const wire::Run& run, int fd, wire::RunView& view) {
    size_ = run.payload_bytes;
    void* memory = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED) return {Step::request, errno, 2};
    memory_ = memory;
    auto decoded = wire::decode_run(run, {static_cast<const std::byte*>(memory_), size_});
    if (!decoded) return {Step::request, EBADMSG, 3};
    view = std::move(*decoded);
    return {};
  }

 private:
  void* memory_ = nullptr;
  size_t size_ = 0;
};

Cell::Cell(CellHost& host, uint32_t image) : host_(host), self_test_(false), image_(image) {
  setup_deadline_us_ = monotonic_us() + kSetupTimeoutUs;
  if (const StepFailure failure = build(nullptr); failure.failed()) not_made(failure);
}

Cell::Cell(CellHost& host, const wire::Run& run, std::vector<UniqueFd> fds, bool self_test)
    : host_(host), self_test_(self_test) {
  Payload payload;
  wire::RunView view;
  StepFailure failure = accept(run, std::move(fds));
  const bool usual = run.syscalls == model::SyscallProfile::base;
  if (usual && host_.warm.parent(run.image, self_test) != nullptr) image_ = run.image;
  if (!failure.failed()) failure = payload.read(run, fds_[wire::kPayloadFd].get(), view);
  if (!failure.failed()) failure = build(&view);
  if (failure.failed()) not_made(failure);
}

void Cell::not_made(const StepFailure& failure) {
  finished_.failure = failure;
  start_emptying();
}

void Cell::assign(const wire::Run& run, std::vector<UniqueFd> fds) {
  if (const StepFailure failure = accept(run, std::move(fds)); failure.failed()) {
    return fail(failure);
  }
  if (state_ == State::ready) start();
}

bool Cell::is_free() const {
  return !assigned_ && (state_ == State::building || state_ == State::ready);
}

void Cell::start() {
  state_ = State::starting;
  const StepFailure failure = give_order();
  // The cell alone takes more memory than the request allows, and there is nothing to be reclaimed
  // (version 1 says so at once, version 2 kills).
  if (failure.step == Step::cgroup_limits && failure.error == EBUSY) return kill(wire::kMemory);
  if (failure.failed()) fail(failure);
}

// What is in the payload is read in the cell, by one that may do nothing outside it.
StepFailure Cell::accept(const wire::Run& run, std::vector<UniqueFd> fds) {
  assigned_ = true;
  run_ = run;
  fds_ = std::move(fds);
  finished_.id = run.id;
  if (run.image != 0) finished_.start = model::WarmStart::unavailable;
  collect_file_bytes_ = run.collect_file_bytes;
  limits_ = run.limits;
  setup_deadline_us_ = monotonic_us() + kSetupTimeoutUs;
  if (fds_.size() != wire::kRunFdCount) return {Step::request, EBADMSG, 0};
  struct stat status {};
  const int payload = fds_[wire::kPayloadFd].get();
  if (!is_sealed(payload) || ::fstat(payload, &status) != 0) return {Step::request, EBADF, 1};
  const auto size = static_cast<uint64_t>(status.st_size);
  if (size == 0 || size > wire::kMaxPayloadBytes || size != run.payload_bytes) {
    return {Step::request, EFBIG, 1};
  }
  if (static_cast<size_t>(run.syscalls) >= model::kSyscallProfiles.size()) {
    return {Step::request, EBADMSG, 4};
  }
  return wire::check_limits(run.limits) ? StepFailure{} : StepFailure{Step::request, EBADMSG, 2};
}

// `view`: what is to be run, where that is known already.
StepFailure Cell::build(const wire::RunView* view) {
  using S = Step;
  if (auto f = wanted_fault({S::uids, S::cgroup_create, S::cgroup_limits, S::oom_watch}, view);
      f.failed()) {
    return f;
  }
  held_.uids = host_.uids->take();
  if (!held_.uids) return {Step::uids, EAGAIN, -1};
  StepFailure failure;
  const std::string name = "cell-" + std::to_string(serial_);
  made_with_ = limits_;
  held_.cgroup = host_.cgroups->create(name, group_limits(limits_), failure);
  if (!held_.cgroup) return failure;
  if (auto f = wanted_fault({S::network, S::clone}, view); f.failed()) return f;
  held_.network = host_.networks.take();
  if (!held_.network) return {Step::network, errno, 1};
  CellPlan plan;
  plan.program = view;
  return clone_init(plan);
}

StepFailure Cell::clone_init(CellPlan& plan) {
  auto pair = packet_socket_pair();
  if (!pair) return {Step::clone, EMFILE, -1};
  wake_.reset(::eventfd(0, EFD_CLOEXEC));
  if (!wake_) return {Step::clone, errno, -1};
  plan.order_view = &host_.order_view;
  plan.uids = *held_.uids;
  plan.cgroup_joins = held_.cgroup->join_fds();
  plan.filter = &host_.filters.at(static_cast<size_t>(run_.syscalls));
  plan.filters = host_.filter_count;
  plan.box = tmpfs_options(limits_.box_bytes, limits_.box_inodes, 0755, held_.uids->program);
  plan.tmp = tmpfs_options(limits_.tmp_bytes, limits_.tmp_inodes, 01777, 0);
  plan.shm = tmpfs_options(limits_.shm_bytes, limits_.shm_inodes, 01777, 0);
  plan.socket = pair->second.get();
  plan.wake = wake_.get();
  plan.self_test = self_test_;
  plan.warm = image_ != 0;
  plan.launcher_namespaces = host_.namespaces;

  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = namespace_flags() | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (held_.cgroup->clone_fd() >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(held_.cgroup->clone_fd());
  }
  if (const int error = is_left_out(Step::network) ? 0 : NetworkPool::enter(*held_.network)) {
    return {Step::network, error, 2};
  }
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) run_cell_init(plan);
  const int error = errno;
  if (host_.networks.leave() != 0) ::_exit(1);  // a launcher in a cell's network is none
  if (pid < 0) return {Step::clone, error, -1};
  pid_ = static_cast<pid_t>(pid);
  init_.reset(pidfd);
  socket_ = std::move(pair->first);
  return {};
}

// The init is whole by now, and waits for its program's process.
StepFailure Cell::fork_warm(const std::vector<UniqueFd>& fds) {
  WarmParent* const parent = host_.warm.parent(image_, self_test_);
  if (parent == nullptr || fds.size() != 1) return {Step::warm_fork, ECHILD, -1};
  const int error =
      parent->fork(serial_, self_test_, init_.get(), fds[0].get(), held_.cgroup->late_join_fds());
  return error == 0 ? StepFailure{} : StepFailure{Step::warm_fork, error, -1};
}

// user_namespaces(7): written from outside, by root; the init cannot have gone and its pid been
// used again, since nobody but us reaps it.
StepFailure Cell::write_id_map() {
  if (auto f = wanted_fault({Step::id_map}, nullptr); f.failed()) return f;
  const std::string base = std::to_string(pid_);
  const std::string map =
      std::to_string(kInnerProgramId) + " " + std::to_string(held_.uids->program) + " 1\n" +
      std::to_string(kInnerInitId) + " " + std::to_string(held_.uids->init) + " 1\n";
  int32_t index = 0;
  for (const char* file : {"/uid_map", "/gid_map"}) {
    if (const int error = write_file(host_.proc.get(), (base + file).c_str(), map)) {
      return {Step::id_map, error, index};
    }
    ++index;
  }
  const char go = 1;
  if (::send(socket_.get(), &go, 1, MSG_NOSIGNAL) != 1) return {Step::id_map, errno, index};
  return {};
}

// The request's own limits, where they differ from what the cell was made with.
StepFailure Cell::resize() {
  const auto same = [this](auto... members) {
    return ((limits_.*members == made_with_.*members) && ...);
  };
  using L = model::Limits;
  int32_t index = -1;
  if (!same(&L::memory_bytes, &L::cpus_milli, &L::processes)) {
    if (const int error = held_.cgroup->write_limits(group_limits(limits_), index)) {
      return {Step::cgroup_limits, error, index};
    }
  }
  const std::array<std::tuple<const UniqueFd&, int64_t L::*, int64_t L::*>, 3> mounts = {
      {{box_, &L::box_bytes, &L::box_inodes},
       {tmp_, &L::tmp_bytes, &L::tmp_inodes},
       {shm_, &L::shm_bytes, &L::shm_inodes}}};
  for (const auto& [directory, bytes, inodes] : mounts) {
    ++index;
    if (same(bytes, inodes)) continue;
    if (auto f = wanted_fault({Step::resize}, nullptr); f.failed()) return f;
    if (const int error = resize_tmpfs(directory.get(), limits_.*bytes, limits_.*inodes)) {
      return {Step::resize, error, index};
    }
  }
  return {};
}

// Tells the init what is to be run.
StepFailure Cell::give_order() {
  if (auto f = wanted_fault({Step::pipes}, nullptr); f.failed()) return f;
  if (const StepFailure failure = resize(); failure.failed()) return failure;
  for (const wire::RunFd fd : {wire::kStdoutFd, wire::kStderrFd}) {
    // Else a program could not open /dev/stdout: the pipe's inode belongs to the worker's user.
    if (::fchown(fds_[fd].get(), held_.uids->program, held_.uids->program) != 0) {
      return {Step::pipes, errno, static_cast<int32_t>(fd)};
    }
  }
  std::array<int, wire::kRunFdCount> fds{};
  for (size_t i = 0; i < fds.size(); ++i) fds.at(i) = fds_[i].get();
  cpu_before_us_ = held_.cgroup->cpu_us().value_or(0);
  int error = send_order(socket_.get(), run_, fds);
  fds_.clear();
  // A socket wakes its reader on this processor, as if this process were about to sleep, which it
  // may not be; an eventfd lets the scheduler choose.
  const uint64_t one = 1;
  if (error == 0 && ::write(wake_.get(), &one, sizeof one) != sizeof one) error = errno;
  return error == 0 ? StepFailure{} : StepFailure{Step::init_lost, error, -1};
}

}  // namespace kiln::sandbox
