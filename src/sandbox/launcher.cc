#include "sandbox/launcher.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "model/environment.h"
#include "sandbox/cell_host.h"
#include "sandbox/memory_file.h"
#include "sandbox/socket.h"
#include "sandbox/warm/boot.h"

namespace kiln::sandbox {
namespace {

constexpr size_t kMaxQueuedReports = 65'536;

// Until something happens, or the clock says `until_us`.
int wait_for(std::vector<pollfd>& polls, int64_t until_us) {
  const int64_t left = until_us == kNever ? 0 : std::max<int64_t>(0, until_us - monotonic_us());
  const timespec timeout{left / 1'000'000, left % 1'000'000 * 1'000};
  return ::ppoll(polls.data(), polls.size(), until_us == kNever ? nullptr : &timeout, nullptr);
}

}  // namespace

// Until there are requests, all are taken to be of the first image.
Launcher::Launcher(LauncherOptions options)
    : options_(std::move(options)),
      demand_(options_.cells_ahead, options_.images.empty() ? 0 : 1) {}

// Cold it checks its cell and nothing else; warm it runs a program, too.
StepFailure Launcher::start_canary(model::SyscallProfile syscalls, uint32_t image) {
  CellRequest request;
  request.syscalls = syscalls;
  request.image = image;
  request.argv = {"/usr/bin/true"};
  if (image != 0) {
    const WarmImage& description = host_.warm.description(image);
    request.argv = {description.interpreter, "/box/" + description.source};
    request.files = {{description.source, std::string(warm_canary_text())}};
    request.env = model::base_environment();
  }
  const CellId id = kCanaryId + image;
  const auto encoded = wire::encode_run(id, request);
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
  cells_[id] = std::make_unique<Cell>(host_, encoded->run, std::move(fds), true);
  return {};
}

StepFailure Launcher::try_canary(model::SyscallProfile syscalls) {
  if (const StepFailure failure = start_canary(syscalls, 0); failure.failed()) return failure;
  while (!cells_.empty() && !worker_gone_) step(false);
  if (canary_.failure.failed()) return canary_.failure;
  return canary_.wait_status == 0 ? StepFailure{} : StepFailure{Step::self_test, ECANCELED, -1};
}

StepFailure Launcher::try_canaries() {
  for (size_t i = 0; i < model::kSyscallProfiles.size(); ++i) {
    const StepFailure failure = try_canary(static_cast<model::SyscallProfile>(i));
    if (failure.failed()) return failure;
  }
  return {};
}

void Launcher::start_warm() {
  if (options_.images.empty()) return;
  const auto base = static_cast<size_t>(model::SyscallProfile::base);
  host_.warm.start(std::move(options_.images), {&host_.filters.at(base), host_.filter_count,
                                                host_.namespaces, options_.warm_library.get()});
}

// Programs are forked from an interpreter only once one has run as it should.
void Launcher::test_warm() {
  const uint32_t image = host_.warm.take_untested();
  if (image == 0) return;
  const StepFailure failure = start_canary(model::SyscallProfile::base, image);
  if (failure.failed()) host_.warm.on_tested(image, false);
}

void Launcher::on_canary(CellId id, const wire::Finished& finished) {
  if (id == kCanaryId) {
    canary_ = finished;
    return;
  }
  const bool passed = !finished.failure.failed() && finished.wait_status == 0 &&
                      finished.start == model::WarmStart::warm;
  host_.warm.on_tested(static_cast<uint32_t>(id - kCanaryId), passed);
}

void Launcher::tell_warm() {
  for (const WarmNews& news : host_.warm.take_news()) {
    wire::Warm message;
    message.image = news.image;
    message.ready = news.ready ? 1 : 0;
    message.missing = news.missing;
    tell(message);
  }
}

int Launcher::report_not_ready(const StepFailure& failure) {
  wire::NotReady message;
  message.failure = failure;
  send_struct(options_.worker.get(), message);
  return 1;
}

int Launcher::run() {
  if (const StepFailure failure =
          prepare_host(options_.first_uid, options_.uid_count, options_.site_library, host_);
      failure.failed())
    return report_not_ready(failure);
  const int64_t before = monotonic_us();
  if (const StepFailure failure = try_canaries(); failure.failed()) {
    return report_not_ready(failure);
  }
  wire::Ready ready;
  ready.cgroup_version = host_.cgroups->version();
  ready.first_uid = host_.uids->first();
  ready.canary_us = monotonic_us() - before;
  tell(ready);
  start_warm();
  wanted_until_us_ = monotonic_us() + options_.ahead_for_us;
  while (!worker_gone_) step(true);
  for (auto& [id, cell] : cells_) cell->kill(wire::kShutdown);
  for (auto& cell : ahead_) cell->kill(wire::kShutdown);
  while (!cells_.empty() || !ahead_.empty() || !remains_.empty()) step(false);
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
  const size_t warm_polls = polls.size();
  host_.warm.add_polls(polls);
  if (wait_for(polls, next_deadline_us(accept_requests)) < 0 && errno != EINTR) {
    worker_gone_ = true;  // ENOMEM: nothing sound can follow
    return;
  }
  auto at = polls.begin() + 1;
  for_each_cell([&at](Cell& cell) {
    cell.on_poll(std::span<const pollfd, Cell::kPollCount>(at, at + Cell::kPollCount));
    at += Cell::kPollCount;
  });
  const auto on_ended = [this](const warm::Ended& ended) {
    for_each_cell([&ended](Cell& cell) {
      if (cell.serial() == ended.cell) cell.on_program_ended(ended);
    });
  };
  host_.warm.on_polls(std::span(polls).subspan(warm_polls), on_ended);
  const int64_t now = monotonic_us();
  host_.warm.on_time(now);
  if (accept_requests) test_warm();
  for_each_cell([this, now](Cell& cell) {
    cell.on_time(now);
    if (const auto took = cell.take_build_us()) note_build(*took);
  });
  end_surplus(now);
  collect();
  tell_warm();
  if ((polls[0].revents & POLLOUT) != 0) flush();
  const bool asked = (polls[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
  if (asked) {
    read_worker();
  } else if (monotonic_us() >= next_chore_us(accept_requests)) {
    do_chore(now);
  }
}

int64_t Launcher::next_deadline_us(bool accept_requests) const {
  int64_t next = std::min(next_chore_us(accept_requests), host_.warm.next_deadline_us());
  for_each_cell([&next](const Cell& cell) {
    next = std::min(next, cell.done() ? 0 : cell.next_deadline_us());
  });
  return ahead_.size() > 1 ? std::min(next, wanted_until_us_) : next;
}

// Chores wait for cells that are about to start or to end, and after a result until it is known
// whether the worker has more to run: one that has asks at once. But they do not wait when no cell
// is ready.
int64_t Launcher::next_chore_us(bool accept_requests) const {
  int64_t next = kNever;
  if (!remains_.empty()) next = remove_from_us_;
  const int64_t now = monotonic_us();
  if (accept_requests && lacking(now)) next = std::min(next, ahead_from_us_);
  if (next != kNever && ready_cells() == 0) return next;
  // Not to a worker that waits for Ready.
  if (accept_requests && pool_changed()) next = std::min(next, quiet_until_us_);
  if (next == kNever) return next;
  const bool pressing =
      std::ranges::any_of(cells_, [](const auto& entry) { return entry.second->is_pressing(); });
  return pressing ? kNever : std::max(next, quiet_until_us_);
}

size_t Launcher::wanted_ahead(int64_t now_us) const {
  const size_t all = options_.cells_ahead;
  return now_us < wanted_until_us_ ? all : std::min<size_t>(all, 1);
}

// As many as of the last requests, of images that are ready.
size_t Launcher::wanted_ahead(int64_t now_us, uint32_t image) const {
  if (image != 0 && !host_.warm.is_ready(image)) return 0;
  const size_t all = std::min(wanted_ahead(now_us), demand_.size());
  const auto usable = [&](uint32_t asked) { return host_.warm.is_ready(asked) ? asked : 0; };
  return static_cast<size_t>(std::count_if(demand_.begin(),
                                           demand_.begin() + static_cast<ptrdiff_t>(all),
                                           [&](uint32_t asked) { return usable(asked) == image; }));
}

size_t Launcher::count_ahead(uint32_t image) const {
  return static_cast<size_t>(std::ranges::count_if(
      ahead_, [image](const auto& cell) { return cell->image() == image && !cell->done(); }));
}

std::optional<uint32_t> Launcher::lacking(int64_t now_us) const {
  for (uint32_t image = 0; image <= host_.warm.count(); ++image) {
    if (count_ahead(image) < wanted_ahead(now_us, image)) return image;
  }
  return std::nullopt;
}

// The latest first.
void Launcher::note_demand(uint32_t image) {
  if (demand_.empty()) return;
  demand_.pop_back();
  demand_.push_front(image);
}

void Launcher::end_surplus(int64_t now_us) {
  for (uint32_t image = 0; image <= host_.warm.count(); ++image) {
    size_t keep = wanted_ahead(now_us, image);
    for (const auto& cell : ahead_) {
      if (cell->image() != image || !cell->is_free()) continue;
      if (keep > 0) {
        --keep;
      } else {
        cell->kill(wire::kShutdown);
      }
    }
  }
}

size_t Launcher::ready_cells() const {
  return static_cast<size_t>(
      std::ranges::count_if(ahead_, [](const auto& cell) { return cell->is_ready(); }));
}

bool Launcher::pool_changed() const { return pool_.builds > 0 || pool_.ready != ready_cells(); }

void Launcher::note_build(int64_t took_us) {
  pool_.build_us.at(pool_.builds++) = took_us;
  if (pool_.builds == wire::Pool::kMaxBuilds) tell_pool();
}

void Launcher::tell_pool() {
  pool_.ready = static_cast<uint32_t>(ready_cells());
  tell(pool_);
  pool_.builds = 0;
}

// One a turn, and only while nobody asks for anything: what is under way goes before what may come.
void Launcher::do_chore(int64_t now_us) {
  const auto image = lacking(now_us);
  if (image && now_us >= ahead_from_us_ && !worker_gone_) return make_ahead(*image);
  if (!remains_.empty() && now_us >= remove_from_us_) return remove_remains();
  if (pool_changed()) tell_pool();
}

void Launcher::make_ahead(uint32_t image) {
  ahead_.push_back(std::make_unique<Cell>(host_, image));
  collect_ahead();
}

void Launcher::bury(Cell& cell) {
  if (auto remains = cell.take_remains()) remains_.push_back(std::move(*remains));
  if (remains_.size() > kMaxRemains) remove_remains();
}

void Launcher::remove_remains() {
  if (remains_.empty()) return;
  CellRemains first = std::move(remains_.front());
  remains_.pop_front();
  if (first.remove(host_)) return;
  remains_.push_back(std::move(first));
  remove_from_us_ = monotonic_us() + kRemoveRetryUs;
}

// One that is ready, else one that is being made; null: there is none.
std::unique_ptr<Cell> Launcher::take_ahead(uint32_t image) {
  auto found = std::ranges::find_if(
      ahead_, [image](const auto& cell) { return cell->image() == image && cell->is_ready(); });
  if (found == ahead_.end()) {
    found = std::ranges::find_if(
        ahead_, [image](const auto& cell) { return cell->image() == image && cell->is_free(); });
  }
  if (found == ahead_.end()) return nullptr;
  std::unique_ptr<Cell> cell = std::move(*found);
  ahead_.erase(found);
  return cell;
}

// Those that ended before anybody wanted them. What ails them is told by the next request, which
// then has a cell made for it.
void Launcher::collect_ahead() {
  std::erase_if(ahead_, [this](const auto& cell) {
    if (!cell->done()) return false;
    bury(*cell);
    const bool surplus = (cell->finished().causes & wire::kShutdown) != 0;
    if (!surplus) ahead_from_us_ = monotonic_us() + kAheadRetryUs;
    return true;
  });
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
  if (run.id >= kCanaryId || cells_.contains(run.id)) {
    wire::Finished refused;
    refused.id = run.id;
    refused.failure = {Step::request, EEXIST, -1};
    tell(refused);
    return;
  }
  wanted_until_us_ = monotonic_us() + options_.ahead_for_us;
  // Those ahead are of the base profile.
  const bool usual = run.syscalls == model::SyscallProfile::base;
  const uint32_t image = host_.warm.is_ready(run.image) ? run.image : 0;
  if (usual) note_demand(run.image);
  if (usual) host_.warm.note_wanted(run.image);
  std::unique_ptr<Cell> cell = usual ? take_ahead(image) : nullptr;
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
    const CellId id = at->first;
    const bool canary = id >= kCanaryId;
    if (cell.take_started(started) && !canary) tell(started);
    if (!cell.done()) {
      ++at;
      continue;
    }
    const wire::Finished finished = cell.finished();
    UniqueFd artifacts = cell.take_artifacts();
    bury(cell);
    at = cells_.erase(at);
    quiet_until_us_ = monotonic_us() + kQuietUs;
    if (canary) {
      on_canary(id, finished);
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
