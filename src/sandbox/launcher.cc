#include "sandbox/launcher.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "sandbox/memory_file.h"
#include "sandbox/root_template.h"
#include "sandbox/seccomp_policy.h"
#include "sandbox/socket.h"

namespace kiln::sandbox {
namespace {

constexpr size_t kMaxQueuedReports = 65'536;

StepFailure prepare_mounts() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return {Step::launcher_mounts, errno, -1};
  }
  // Of our own pid namespace: the pids that we know, and write maps by, are looked up here.
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    return {Step::launcher_proc, errno, -1};
  }
  return {};
}

// A cell takes some twenty descriptors here; the usual soft limit of 1024 would be forty cells.
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
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

StepFailure compile_filter(std::vector<sock_filter>& out) {
  const auto rules = parse_policy(base_policy_text());
  if (!rules) return {Step::filter_compile, EINVAL, 0};
  auto program = compile_policy(*rules);
  if (!program) return {Step::filter_compile, EINVAL, 1};
  out = std::move(*program);
  return out.size() > BPF_MAXINSNS ? StepFailure{Step::filter_compile, E2BIG, 2} : StepFailure{};
}

}  // namespace

Launcher::Launcher(LauncherOptions options) : options_(std::move(options)) {}

StepFailure Launcher::prepare() {
  allow_many_descriptors();
  const CgroupLayout layout = find_own_cgroups();  // by the /proc of the monitor's namespace
  if (StepFailure f = prepare_mounts(); f.failed()) return f;
  if (StepFailure f = prepare_state_directory(); f.failed()) return f;
  StepFailure failure;
  const std::string lock_file = std::string(kStateDirectory) + "/uids.lock";
  host_.uids = UidRange::lock(lock_file, options_.first_uid, options_.uid_count, failure);
  if (!host_.uids) return failure;
  host_.cgroups = make_cgroup_tree(layout, failure);
  if (!host_.cgroups) return failure;
  host_.root = kStateDirectory;  // covered by the template, in our mount namespace only
  if (StepFailure f = build_root_template(host_.root); f.failed()) return f;
  host_.namespaces = own_namespaces();
  wire::reserve_view(host_.order_view);
  return compile_filter(host_.filter);
}

StepFailure Launcher::start_canary() {
  CellRequest request;
  request.argv = {"/usr/bin/true"};
  const auto encoded = wire::encode_run(kCanaryId, request);
  if (!encoded) return {Step::self_test, EINVAL, -1};
  auto payload = make_memory_file("kiln-payload", encoded->payload);
  if (!payload) return {Step::self_test, ENOMEM, -1};
  std::vector<UniqueFd> fds(wire::kRunFdCount);
  fds[wire::kPayloadFd] = std::move(*payload);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {Step::self_test, errno, -1};
  const UniqueFd reader(ends[0]);
  fds[wire::kStdoutFd].reset(ends[1]);
  fds[wire::kStderrFd].reset(::fcntl(ends[1], F_DUPFD_CLOEXEC, 0));
  fds[wire::kStdinFd].reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  cells_[kCanaryId] = std::make_unique<Cell>(host_, encoded->run, std::move(fds), true);
  while (!cells_.empty() && !worker_gone_) step(false);
  if (canary_.failure.failed()) return canary_.failure;
  return canary_.wait_status == 0 ? StepFailure{} : StepFailure{Step::self_test, ECANCELED, -1};
}

int Launcher::report_not_ready(const StepFailure& failure) {
  wire::NotReady message;
  message.failure = failure;
  send_struct(options_.worker.get(), message);
  return 1;
}

int Launcher::run() {
  if (const StepFailure failure = prepare(); failure.failed()) return report_not_ready(failure);
  const int64_t before = monotonic_us();
  if (const StepFailure failure = start_canary(); failure.failed()) {
    return report_not_ready(failure);
  }
  wire::Ready ready;
  ready.cgroup_version = host_.cgroups->version();
  ready.first_uid = host_.uids->first();
  ready.canary_us = monotonic_us() - before;
  tell(ready);
  while (!worker_gone_) step(true);
  for (auto& [id, cell] : cells_) cell->kill(wire::kShutdown);
  for (auto& cell : ahead_) cell->kill(wire::kShutdown);
  while (!cells_.empty() || !ahead_.empty()) step(false);
  return 0;
}

template <class Visit>
void Launcher::for_each_cell(Visit visit) const {
  for (const auto& [id, cell] : cells_) visit(*cell);
  for (const auto& cell : ahead_) visit(*cell);
}

void Launcher::step(bool accept_requests) {
  std::vector<pollfd> polls;
  polls.push_back({worker_gone_ ? -1 : options_.worker.get(),
                   static_cast<short>((accept_requests ? POLLIN : 0) | (blocked_ ? POLLOUT : 0)),
                   0});
  for_each_cell([&polls](const Cell& cell) {
    polls.resize(polls.size() + Cell::kPollCount);
    cell.fill_poll(
        std::span<pollfd, Cell::kPollCount>(polls.end() - Cell::kPollCount, polls.end()));
  });
  if (::poll(polls.data(), polls.size(), poll_timeout_ms(accept_requests)) < 0 && errno != EINTR) {
    worker_gone_ = true;  // ENOMEM: nothing sound can follow
    return;
  }
  auto at = polls.begin() + 1;
  for_each_cell([&at](Cell& cell) {
    cell.on_poll(std::span<const pollfd, Cell::kPollCount>(at, at + Cell::kPollCount));
    at += Cell::kPollCount;
  });
  const int64_t now = monotonic_us();
  for_each_cell([now](Cell& cell) { cell.on_time(now); });
  collect();
  if ((polls[0].revents & POLLOUT) != 0) flush();
  const bool asked = (polls[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
  if (asked) read_worker();
  if (accept_requests && !asked) make_ahead();
}

int Launcher::poll_timeout_ms(bool accept_requests) const {
  int64_t next = std::numeric_limits<int64_t>::max();
  for_each_cell([&next](const Cell& cell) {
    next = std::min(next, cell.done() ? 0 : cell.next_deadline_us());
  });
  const bool lacks = accept_requests && ahead_.size() < options_.cells_ahead;
  if (lacks) next = std::min(next, ahead_from_us_);
  if (next == std::numeric_limits<int64_t>::max()) return -1;
  const int64_t wait_us = std::max<int64_t>(0, next - monotonic_us());
  return static_cast<int>(std::min<int64_t>((wait_us + 999) / 1000, 60'000));
}

// One a turn, and only while nobody asks for anything: what is under way goes before what may come.
void Launcher::make_ahead() {
  const int64_t now = monotonic_us();
  if (ahead_.size() >= options_.cells_ahead || now < ahead_from_us_) return;
  ahead_.push_back(std::make_unique<Cell>(host_));
  collect_ahead();
}

// One that is ready, else one that is being made; null: there is none.
std::unique_ptr<Cell> Launcher::take_ahead() {
  auto found = std::ranges::find_if(ahead_, [](const auto& cell) { return cell->is_ready(); });
  if (found == ahead_.end()) {
    found = std::ranges::find_if(ahead_, [](const auto& cell) { return cell->is_free(); });
  }
  if (found == ahead_.end()) return nullptr;
  std::unique_ptr<Cell> cell = std::move(*found);
  ahead_.erase(found);
  return cell;
}

// Those that ended before anybody wanted them. What ails them is told by the next request, which
// then has a cell made for it.
void Launcher::collect_ahead() {
  const size_t ended = std::erase_if(ahead_, [](const auto& cell) { return cell->done(); });
  if (ended > 0) ahead_from_us_ = monotonic_us() + kAheadRetryUs;
}

// One packet a turn: running cells are looked after between two requests.
void Launcher::read_worker() {
  Packet packet = receive_packet(options_.worker.get(), MSG_DONTWAIT);
  if (packet.error == EAGAIN) return;
  if (packet.end_of_file || (packet.error != 0 && packet.error != EMSGSIZE)) {
    worker_gone_ = true;
    return;
  }
  const auto type = wire::packet_type(packet.bytes);
  if (packet.error != 0 || !type) return;  // not of our protocol
  if (*type == wire::Type::run) {
    on_run(wire::packet_as<wire::Run>(packet.bytes), std::move(packet.fds));
  } else if (*type == wire::Type::kill) {
    on_kill(wire::packet_as<wire::Kill>(packet.bytes));
  }
}

void Launcher::on_run(const wire::Run& run, std::vector<UniqueFd> fds) {
  if (run.id == kCanaryId || cells_.contains(run.id)) {
    wire::Finished refused;
    refused.id = run.id;
    refused.failure = {Step::request, EEXIST, -1};
    tell(refused);
    return;
  }
  std::unique_ptr<Cell> cell = take_ahead();
  if (cell) {
    cell->assign(run, std::move(fds));
  } else {
    cell = std::make_unique<Cell>(host_, run, std::move(fds), false);
  }
  cells_[run.id] = std::move(cell);
  collect();
}

void Launcher::on_kill(const wire::Kill& kill) {
  constexpr uint32_t kAllowed = wire::kCancelled | wire::kShutdown | wire::kOutput;
  const auto cell = cells_.find(kill.id);
  if (cell != cells_.end()) cell->second->kill(kill.cause & kAllowed);
}

void Launcher::collect() {
  collect_ahead();
  for (auto at = cells_.begin(); at != cells_.end();) {
    Cell& cell = *at->second;
    wire::Started started;
    const bool canary = at->first == kCanaryId;
    if (cell.take_started(started) && !canary) tell(started);
    if (!cell.done()) {
      ++at;
      continue;
    }
    const wire::Finished finished = cell.finished();
    UniqueFd artifacts = cell.take_artifacts();
    at = cells_.erase(at);  // nothing of it is left when it is told
    if (canary) {
      canary_ = finished;
    } else {
      tell(finished, std::move(artifacts));
    }
  }
}

template <class T>
void Launcher::tell(const T& message, UniqueFd artifacts) {
  const auto bytes = std::as_bytes(std::span(&message, 1));
  outgoing_.push_back({{bytes.begin(), bytes.end()}, std::move(artifacts)});
  if (outgoing_.size() > kMaxQueuedReports) worker_gone_ = true;  // it does not read any more
  flush();
}

void Launcher::flush() {
  while (!outgoing_.empty()) {
    const Outgoing& next = outgoing_.front();
    const int fd = next.fd.get();
    const std::span<const int> fds(&fd, next.fd ? 1 : 0);
    const int error = send_packet(options_.worker.get(), next.bytes, fds, MSG_DONTWAIT);
    blocked_ = error == EAGAIN;
    if (blocked_) return;
    if (error != 0) worker_gone_ = true;
    outgoing_.pop_front();
  }
}

}  // namespace kiln::sandbox
