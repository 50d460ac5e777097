// The first half of a cell's life: from the request to the clone that becomes its init.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "sandbox/cell.h"
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

}  // namespace

StepFailure Cell::build(const wire::Run& run, std::vector<UniqueFd>& fds) {
  if (fds.size() != wire::kRunFdCount) return {Step::request, EBADMSG, 0};
  if (const StepFailure failure = map_payload(run, fds[wire::kPayloadFd].get()); failure.failed()) {
    return failure;
  }
  uids_ = host_.uids->take();
  if (!uids_) return {Step::uids, EAGAIN, -1};
  StepFailure failure;
  const std::string name = "cell-" + std::to_string(host_.next_cgroup++);
  cgroup_ = host_.cgroups->create(name, limits_, failure);
  if (!cgroup_) return failure;
  for (const wire::RunFd fd : {wire::kStdoutFd, wire::kStderrFd}) {
    // Else a program could not open /dev/stdout: the pipe's inode belongs to the worker's user.
    if (::fchown(fds[fd].get(), uids_->program, uids_->program) != 0) {
      return {Step::pipes, errno, static_cast<int32_t>(fd)};
    }
  }
  CellPlan plan;
  plan.stdin_fd = fds[wire::kStdinFd].get();
  plan.stdout_fd = fds[wire::kStdoutFd].get();
  plan.stderr_fd = fds[wire::kStderrFd].get();
  return clone_init(plan);
}

StepFailure Cell::map_payload(const wire::Run& run, int fd) {
  struct stat status {};
  if (!is_sealed(fd) || ::fstat(fd, &status) != 0) return {Step::request, EBADF, 1};
  const auto size = static_cast<size_t>(status.st_size);
  if (size == 0 || size > wire::kMaxPayloadBytes) return {Step::request, EFBIG, 1};
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (memory == MAP_FAILED) return {Step::request, errno, 2};
  payload_ = memory;
  payload_size_ = size;
  auto view = wire::decode_run(run, {static_cast<const std::byte*>(memory), size});
  if (!view) return {Step::request, EBADMSG, 3};
  view_ = std::move(*view);
  return {};
}

StepFailure Cell::clone_init(CellPlan& plan) {
  auto pair = packet_socket_pair();
  if (!pair) return {Step::clone, EMFILE, -1};
  plan.program = &view_;
  plan.limits = limits_;
  plan.uids = *uids_;
  plan.root = host_.root.c_str();
  plan.cgroup_joins = cgroup_->join_fds();
  plan.filter = {static_cast<unsigned short>(host_.filter.size()), host_.filter.data()};
  plan.box = tmpfs_options(limits_.box_bytes, limits_.box_inodes, 0755, uids_->program);
  plan.tmp = tmpfs_options(limits_.tmp_bytes, limits_.tmp_inodes, 01777, 0);
  plan.shm = tmpfs_options(limits_.shm_bytes, limits_.shm_inodes, 01777, 0);
  plan.make_out = collect_file_bytes_ > 0;
  plan.socket = pair->second.get();
  plan.self_test = self_test_;
  plan.launcher_namespaces = host_.namespaces;

  int pidfd = -1;
  clone_args arguments{};
  arguments.flags =
      CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (cgroup_->clone_fd() >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(cgroup_->clone_fd());
  }
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return {Step::clone, errno, -1};
  if (pid == 0) run_cell_init(plan);
  pid_ = static_cast<pid_t>(pid);
  init_.reset(pidfd);
  socket_ = std::move(pair->first);
  return {};
}

// user_namespaces(7): written from outside, by root; the init cannot have gone and its pid been
// used again, since nobody but us reaps it.
StepFailure Cell::write_id_map() {
  const std::string base = "/proc/" + std::to_string(pid_);
  const std::string map = std::to_string(kInnerProgramId) + " " + std::to_string(uids_->program) +
                          " 1\n" + std::to_string(kInnerInitId) + " " +
                          std::to_string(uids_->init) + " 1\n";
  int32_t index = 0;
  for (const char* file : {"/uid_map", "/gid_map"}) {
    if (const int error = write_file(AT_FDCWD, (base + file).c_str(), map)) {
      return {Step::id_map, error, index};
    }
    ++index;
  }
  const char go = 1;
  if (::send(socket_.get(), &go, 1, MSG_NOSIGNAL) != 1) return {Step::id_map, errno, index};
  return {};
}

}  // namespace kiln::sandbox
