#include "sandbox/cell.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include "sandbox/files.h"
#include "sandbox/socket.h"

namespace kiln::sandbox {
namespace {

constexpr int64_t kMicrosPerMilli = 1'000;
constexpr const char* kInitOomScore = "-1000";

int send_signal(const UniqueFd& pidfd, int signal) {
  if (!pidfd) return ESRCH;
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0 ? 0 : errno;
}

}  // namespace

int64_t monotonic_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

Cell::~Cell() { kill_init(); }

void Cell::fail(const StepFailure& failure) {
  // A cell that is being killed, or is out of memory, fails because of that.
  if (finished_.causes == 0 && !finished_.failure.failed()) finished_.failure = failure;
  state_ = State::ending;
  kill_init();
}

void Cell::kill(uint32_t causes) {
  if (state_ == State::emptying || state_ == State::done) return;
  finished_.causes |= causes;
  if (state_ == State::ending) return;
  if (state_ == State::collecting) return end_collecting();
  state_ = State::ending;
  // First the program alone: then the init can still tell its status and resources.
  const bool runs = finished_.started_us != 0;
  if (runs && send_signal(program_, SIGKILL) == 0) {
    held_.cgroup->lift_cpu_quota();
    kill_deadline_us_ = monotonic_us() + kKillGraceUs;
  } else {
    kill_init();
  }
}

void Cell::kill_init() {
  kill_deadline_us_ = 0;
  send_signal(init_, SIGKILL);
  if (held_.cgroup) held_.cgroup->lift_cpu_quota();
  if (teardown_deadline_us_ == 0) teardown_deadline_us_ = monotonic_us() + kTeardownTimeoutUs;
}

void Cell::fill_poll(std::span<pollfd, kPollCount> polls) const {
  polls[0] = {socket_.get(), POLLIN, 0};
  polls[1] = {init_.get(), POLLIN, 0};
  const bool watch = held_.cgroup && (finished_.causes & wire::kMemory) == 0 && init_.valid();
  polls[2] = {watch ? held_.cgroup->oom_fd() : -1,
              watch ? held_.cgroup->oom_poll_events() : short{0}, 0};
}

void Cell::on_poll(std::span<const pollfd, kPollCount> polls) {
  if (polls[2].revents != 0) check_memory();
  if (polls[0].revents != 0) read_reports();
  if (polls[1].revents != 0) on_init_dead();
}

int64_t Cell::next_deadline_us() const {
  int64_t next = kNever;
  const auto consider = [&next](int64_t at) {
    if (at != 0) next = std::min(next, at);
  };
  if (state_ == State::building || state_ == State::starting) consider(setup_deadline_us_);
  if (state_ == State::running) {
    consider(wall_deadline_us_);
    consider(soft_deadline_us_);
    consider(next_cpu_check_us_);
  }
  if (state_ == State::ending) {
    consider(kill_deadline_us_);
    consider(kill_deadline_us_ == 0 ? teardown_deadline_us_ : 0);
  }
  if (state_ == State::collecting) return 0;
  if (state_ == State::emptying) consider(next_look_us_);
  return next;
}

void Cell::on_time(int64_t now_us) {
  const bool made = state_ != State::building && state_ != State::starting;
  if (!made && now_us >= setup_deadline_us_) {
    fail({Step::init_lost, ETIMEDOUT, -1});
  }
  if (state_ == State::running && now_us >= next_cpu_check_us_) check_cpu(now_us);
  if (state_ == State::running && now_us >= wall_deadline_us_) kill(wire::kWall);
  if (state_ == State::running && soft_deadline_us_ != 0 && now_us >= soft_deadline_us_) {
    soft_deadline_us_ = 0;
    if (send_signal(program_, SIGTERM) == 0) finished_.causes |= wire::kSoft;
  }
  if (state_ == State::ending && kill_deadline_us_ != 0 && now_us >= kill_deadline_us_) kill_init();
  if (state_ == State::ending && teardown_deadline_us_ != 0 && now_us >= teardown_deadline_us_) {
    finished_.failure = {Step::teardown, ETIMEDOUT, -1};
    state_ = State::done;
  }
  if (state_ == State::collecting) collect_some(now_us);
  if (state_ == State::emptying && now_us >= next_look_us_) try_emptying(now_us);
}

std::optional<int64_t> Cell::take_build_us() {
  if (build_us_ == 0) return std::nullopt;
  return std::exchange(build_us_, 0);
}

bool Cell::take_started(wire::Started& out) {
  if (finished_.started_us == 0 || told_started_) return false;
  told_started_ = true;
  out.id = finished_.id;
  out.at_us = finished_.started_us;
  return true;
}

void Cell::read_reports() {
  while (socket_) {
    Packet packet = receive_packet(socket_.get(), MSG_DONTWAIT);
    if (packet.error == EAGAIN) return;
    if (packet.error != 0 || packet.bytes.size() != sizeof(ChildReport)) {
      socket_.reset();  // end of file: the init is dying, its pidfd tells
      return;
    }
    on_report(wire::packet_as<ChildReport>(packet.bytes), packet.fds);
  }
}

void Cell::on_report(const ChildReport& report, std::vector<UniqueFd>& fds) {
  switch (report.type) {
    case ReportType::want_map:
      if (const StepFailure failure = write_id_map(); failure.failed()) fail(failure);
      return;
    case ReportType::want_program:
      if (const StepFailure failure = fork_warm(fds); failure.failed()) fail(failure);
      return;
    case ReportType::failed:
      check_memory();  // a set-up that ran out of memory is the limit's doing, not ours
      fail(report.failure);
      return;
    case ReportType::ready:
      on_ready(fds);
      return;
    case ReportType::running:
      on_running(report);
      return;
    case ReportType::exited:
      finished_.wait_status = report.wait_status;
      finished_.memory_rss_bytes = report.rss_bytes;
      finished_.wall_us = std::max(int64_t{0}, report.at_us - finished_.started_us);
      state_ = State::ending;  // the init is exiting by itself, with whatever is left in there
      kill_deadline_us_ = monotonic_us() + kKillGraceUs;
      return;
  }
}

void Cell::on_ready(std::vector<UniqueFd>& fds) {
  if (fds.size() != kReadyFdCount) return fail({Step::init_lost, EBADMSG, -1});
  program_ = std::move(fds[kProgramFd]);
  box_ = std::move(fds[kBoxFd]);
  tmp_ = std::move(fds[kTmpFd]);
  shm_ = std::move(fds[kShmFd]);
  if (state_ != State::building) return kill_init();  // killed meanwhile
  const std::string own = std::to_string(pid_);
  held_.mounts.reset(::openat(host_.proc.get(), (own + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
  const std::string score = own + "/oom_score_adj";
  // A container's root may lack CAP_SYS_RESOURCE, which lowering the score takes. Then the kernel
  // might choose the init when memory runs out: the cell dies whole all the same, and the verdict
  // is the same.
  const int error = write_file(host_.proc.get(), score.c_str(), kInitOomScore);
  if (error != 0 && error != EACCES) return fail({Step::oom_score, error, -1});
  build_us_ = monotonic_us() - born_us_;
  state_ = State::ready;
  if (assigned_) start();
}

void Cell::on_running(const ChildReport& report) {
  finished_.started_us = report.at_us;
  if (image_ != 0) finished_.start = report.start;
  if (state_ != State::starting) return kill_init();  // killed meanwhile
  state_ = State::running;
  wall_deadline_us_ = report.at_us + limits_.wall_ms * kMicrosPerMilli;
  if (limits_.soft_ms > 0) soft_deadline_us_ = report.at_us + limits_.soft_ms * kMicrosPerMilli;
  next_cpu_check_us_ = report.at_us + kMinCpuCheckUs;
  check_cpu(report.at_us);
  if (ended_) end_warm();
}

// It may be known before the init has said that the program runs.
void Cell::on_program_ended(const warm::Ended& ended) {
  if (state_ == State::emptying || state_ == State::done) return;
  if (ended.error != 0) {
    return fail({ended.error == ECHILD ? Step::warm_lost : Step::warm_fork, ended.error, -1});
  }
  ended_ = ended;
  if (finished_.started_us != 0) end_warm();
}

void Cell::end_warm() {
  finished_.wait_status = ended_->wait_status;
  finished_.memory_rss_bytes = ended_->rss_bytes;
  finished_.wall_us = std::max(int64_t{0}, ended_->at_us - finished_.started_us);
  if (state_ == State::running) state_ = State::ending;
  kill_init();
}

void Cell::on_init_dead() {
  read_reports();
  siginfo_t info{};
  ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(init_.get()), &info, WEXITED);
  const bool explained =
      finished_.wait_status != -1 || finished_.causes != 0 || finished_.failure.failed();
  settle();
  if (!explained && finished_.causes == 0) finished_.failure = {Step::init_lost, ECHILD, -1};
  if (finished_.started_us != 0 && finished_.wall_us == 0) {
    finished_.wall_us = monotonic_us() - finished_.started_us;
  }
  init_.reset();
  socket_.reset();
  if (wants_artifacts()) {
    start_collecting();
  } else {
    start_emptying();
  }
}

void Cell::check_memory() {
  if (held_.cgroup->counters().oom_events > 0) kill(wire::kMemory);
}

// The next check comes when the cell could have used up the rest at the earliest: at the full speed
// of its CPU share, and twice that, since a quota may be spent at the start of a period.
void Cell::check_cpu(int64_t now_us) {
  const int64_t used = held_.cgroup->cpu_us().value_or(0) - cpu_before_us_;
  const int64_t left = limits_.cpu_ms * kMicrosPerMilli - used;
  if (left <= 0) return kill(wire::kCpu);
  const int64_t fastest = left * 1000 / std::max<int64_t>(1, 2 * limits_.cpus_milli);
  next_cpu_check_us_ = now_us + std::clamp(fastest, kMinCpuCheckUs, kMaxCpuCheckUs);
}

void Cell::hit(model::LimitHit limit) {
  finished_.limits_hit |= 1U << static_cast<uint32_t>(limit);
}

void Cell::note_full(const UniqueFd& directory) {
  struct statvfs status {};
  if (!directory || ::fstatvfs(directory.get(), &status) != 0) return;
  if (status.f_bfree == 0) hit(model::LimitHit::disk);
  if (status.f_ffree == 0) hit(model::LimitHit::inodes);
}

// Everything in the cell is dead: the counters are final.
void Cell::settle() {
  const CellCounters counters = held_.cgroup->counters();
  if (counters.cpu_us) finished_.cpu_us = *counters.cpu_us - cpu_before_us_;
  finished_.throttled_us = counters.throttled_us.value_or(wire::kNoCounter);
  finished_.memory_charged_bytes = counters.memory_peak_bytes.value_or(wire::kNoCounter);
  if (counters.peak_processes) {
    finished_.peak_processes = std::max<int64_t>(0, *counters.peak_processes - kInitProcesses);
  }
  if (counters.oom_events > 0) finished_.causes |= wire::kMemory;
  if ((finished_.causes & wire::kMemory) != 0) hit(model::LimitHit::memory);
  if ((finished_.causes & wire::kWall) != 0) hit(model::LimitHit::wall);
  if ((finished_.causes & wire::kCpu) != 0) hit(model::LimitHit::cpu);
  if (counters.refused_forks > 0) hit(model::LimitHit::processes);
  const int status = finished_.wait_status;
  if (status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) {
    hit(model::LimitHit::file_size);
  }
  for (UniqueFd* directory : {&box_, &tmp_, &shm_}) note_full(*directory);
  tmp_.reset();
  shm_.reset();
}

void Cell::start_emptying() {
  box_.reset();
  state_ = State::emptying;
  teardown_deadline_us_ = monotonic_us() + kTeardownTimeoutUs;
  try_emptying(monotonic_us());
}

void Cell::try_emptying(int64_t now_us) {
  const bool empty = !held_.cgroup || held_.cgroup->empty();
  if (!empty && now_us < teardown_deadline_us_) {
    next_look_us_ = now_us + kEmptyRetryUs;
    return;
  }
  if (empty) {
    whole_ = true;
  } else {
    finished_.failure = {Step::teardown, EBUSY, -1};
  }
  state_ = State::done;
}

std::optional<CellRemains> Cell::take_remains() {
  // Else its user ids stay taken: something may still run under them.
  if (!whole_) return std::nullopt;
  return std::move(held_);
}

}  // namespace kiln::sandbox
