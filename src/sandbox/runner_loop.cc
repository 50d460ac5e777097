#include "sandbox/runner_loop.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/time.h"
#include "sandbox/artifacts.h"
#include "sandbox/verdict.h"

namespace kiln::sandbox {
namespace {

constexpr int64_t kStartTimeoutUs =
    std::chrono::duration_cast<std::chrono::microseconds>(kLauncherStartTimeout).count();

int64_t now_us() { return to_micros(real_now().mono); }

wire::Finished failed_with(const StepFailure& failure) {
  wire::Finished finished;
  finished.failure = failure;
  return finished;
}

}  // namespace

RunnerLoop::RunnerLoop(UniqueFd monitor, CellHandlers handlers,
                       std::function<void(Status)> on_start)
    : handlers_(std::move(handlers)),
      on_start_(std::move(on_start)),
      monitor_(std::move(monitor)) {}

void RunnerLoop::add(CellId id, RunnerJob job) {
  const bool refused = !job.refusal.empty();
  jobs_.insert_or_assign(id, std::move(job));
  if (refused) return finish_failed(id, {Step::request, 0, -1});
  if (!monitor_) return finish_failed(id, {Step::launcher_lost, 0, -1});
  unsent_.push_back(id);
  send_all();
}

void RunnerLoop::kill(CellId id, uint32_t causes) {
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) return;
  job->second.kill_causes |= causes;
  if (job->second.sent) return send_kills();
  std::erase(unsent_, id);
  wire::Finished finished;
  finished.causes = causes;
  finish(id, finished);
}

void RunnerLoop::kill_all(uint32_t causes) {
  std::vector<CellId> ids;
  for (const auto& [id, job] : jobs_) ids.push_back(id);
  for (const CellId id : ids) kill(id, causes);
}

void RunnerLoop::abandon_all(const StepFailure& failure) {
  fail_unsent(failure);
  fail_sent(failure);
}

void RunnerLoop::close() {
  lose_launcher();
  monitor_.reset();
}

std::vector<pollfd> RunnerLoop::fill_polls(int wake) const {
  std::vector<pollfd> polls = {
      {wake, POLLIN, 0},
      {monitor_.get(), POLLIN, 0},
      {launcher_.get(), static_cast<short>(POLLIN | (blocked_ ? POLLOUT : 0)), 0}};
  for (const auto& [id, job] : jobs_) {
    if (!job.sent) continue;
    polls.push_back({job.out.fd(), POLLIN, 0});
    polls.push_back({job.err.fd(), POLLIN, 0});
  }
  return polls;
}

int RunnerLoop::timeout_ms(int64_t until_us) const {
  int64_t next = until_us;
  if (!unsent_.empty()) {
    next = std::min(next, jobs_.at(unsent_.front()).requested_us + kStartTimeoutUs);
  }
  if (next == std::numeric_limits<int64_t>::max()) return -1;
  return static_cast<int>(std::clamp<int64_t>((next - now_us() + 999) / 1000, 0, 60'000));
}

void RunnerLoop::turn(int wake, int64_t until_us) {
  std::vector<pollfd> polls = fill_polls(wake);
  if (::poll(polls.data(), polls.size(), timeout_ms(until_us)) < 0) return;
  read_outputs();
  if (polls[2].revents != 0) {
    blocked_ = false;
    read_launcher();
  }
  if (polls[1].revents != 0) read_monitor();
  expire_unsent();
  send_all();
}

// --- launchers

void RunnerLoop::read_monitor() {
  Packet packet = receive_packet(monitor_.get(), MSG_DONTWAIT);
  if (packet.error == EAGAIN) return;
  if (packet.error != 0 || packet.end_of_file) {
    // The monitor is dead, and the kernel has killed the launcher with it (PR_SET_PDEATHSIG).
    monitor_.reset();
    lose_launcher();
    fail_start({Step::launcher_lost, 0, -1});
    return abandon_all({Step::launcher_lost, 0, -1});
  }
  const auto type = wire::packet_type(packet.bytes);
  if (!type || *type != wire::Type::life) return;
  on_life(wire::packet_as<wire::Life>(packet.bytes), std::move(packet.fds));
}

void RunnerLoop::on_life(const wire::Life& life, std::vector<UniqueFd> fds) {
  while (launcher_ && read_launcher()) {  // what the dead one had still said
  }
  lose_launcher();
  fail_sent({Step::launcher_lost, 0, -1});
  if (life.failure.failed() || fds.empty()) return fail_start(life.failure);
  launcher_ = std::move(fds.front());
}

bool RunnerLoop::read_launcher() {
  Packet packet = receive_packet(launcher_.get(), MSG_DONTWAIT);
  if (packet.error == EAGAIN) return false;
  if (packet.error != 0 || packet.end_of_file) {
    lose_launcher();
    return false;
  }
  on_packet(std::move(packet));
  return true;
}

void RunnerLoop::on_packet(Packet packet) {
  const auto type = wire::packet_type(packet.bytes);
  if (!type) return fail_start({Step::request, EPROTO, -1});
  if (*type == wire::Type::ready) {
    ready_ = true;
    if (handlers_.on_launcher) handlers_.on_launcher(true);
    if (on_start_) std::exchange(on_start_, nullptr)(Status());
  } else if (*type == wire::Type::not_ready) {
    const StepFailure failure = wire::packet_as<wire::NotReady>(packet.bytes).failure;
    fail_start(failure);
    fail_unsent(failure);
  } else if (*type == wire::Type::started) {
    const CellId id = wire::packet_as<wire::Started>(packet.bytes).id;
    if (jobs_.contains(id)) handlers_.on_started(id);
  } else if (*type == wire::Type::pool) {
    const auto pool = wire::packet_as<wire::Pool>(packet.bytes);
    const size_t builds = std::min<size_t>(pool.builds, wire::Pool::kMaxBuilds);
    if (handlers_.on_pool) handlers_.on_pool(pool.ready, std::span(pool.build_us).first(builds));
  } else if (*type == wire::Type::warm) {
    const auto warm = wire::packet_as<wire::Warm>(packet.bytes);
    if (handlers_.on_image) handlers_.on_image(warm.image, warm.ready != 0, warm.missing);
  } else if (*type == wire::Type::finished) {
    on_finished(wire::packet_as<wire::Finished>(packet.bytes),
                packet.fds.empty() ? UniqueFd() : std::move(packet.fds.front()));
  }
}

void RunnerLoop::lose_launcher() {
  if (ready_ && handlers_.on_launcher) handlers_.on_launcher(false);
  if (ready_ && handlers_.on_pool) handlers_.on_pool(0, {});
  launcher_.reset();
  ready_ = false;
  blocked_ = false;
}

void RunnerLoop::fail_start(const StepFailure& failure) {
  if (on_start_) std::exchange(on_start_, nullptr)(describe(failure));
}

// --- jobs

void RunnerLoop::on_finished(const wire::Finished& finished, UniqueFd artifacts) {
  const auto job = jobs_.find(finished.id);
  if (job == jobs_.end() || !job->second.sent) return;
  const bool warm_wanted = finished.start != model::WarmStart::cold;
  if (warm_wanted && handlers_.on_start_kind) handlers_.on_start_kind(finished.start);
  finish(finished.id, finished, std::move(artifacts));
}

void RunnerLoop::fail_unsent(const StepFailure& failure) {
  for (const CellId id : std::exchange(unsent_, {})) finish_failed(id, failure);
}

void RunnerLoop::fail_sent(const StepFailure& failure) {
  std::vector<CellId> ids;
  for (const auto& [id, job] : jobs_) {
    if (job.sent) ids.push_back(id);
  }
  for (const CellId id : ids) finish_failed(id, failure);
}

void RunnerLoop::expire_unsent() {
  const int64_t now = now_us();
  while (!unsent_.empty() && jobs_.at(unsent_.front()).requested_us + kStartTimeoutUs <= now) {
    const CellId id = unsent_.front();
    unsent_.pop_front();
    finish_failed(id, {Step::launcher_start, ETIMEDOUT, -1});
  }
}

void RunnerLoop::send_all() {
  while (ready_ && !blocked_ && !unsent_.empty()) {
    const CellId id = unsent_.front();
    if (!send_run(id, jobs_.at(id))) break;
    unsent_.pop_front();
  }
  send_kills();
}

bool RunnerLoop::send_run(CellId id, RunnerJob& job) {
  std::array<int, wire::kRunFdCount> fds{};
  for (size_t i = 0; i < fds.size(); ++i) fds[i] = job.fds[i].get();
  const int error = send_struct(launcher_.get(), job.run, fds, MSG_DONTWAIT);
  if (error == EAGAIN) blocked_ = true;
  if (error == EPIPE || error == ECONNRESET) lose_launcher();  // the next one gets the job
  if (error == EAGAIN || !launcher_) return false;
  job.sent = error == 0;
  for (UniqueFd& fd : job.fds) fd.reset();
  if (error != 0) finish_failed(id, {Step::request, error, -1});
  return true;
}

void RunnerLoop::send_kills() {
  for (auto& [id, job] : jobs_) {
    if (!ready_ || blocked_) return;
    if (!job.sent || job.kill_causes == job.kills_told) continue;
    wire::Kill kill;
    kill.id = id;
    kill.cause = job.kill_causes;
    const int error = send_struct(launcher_.get(), kill, {}, MSG_DONTWAIT);
    if (error == EAGAIN) blocked_ = true;
    if (error == 0) job.kills_told = job.kill_causes;
  }
}

OutputStream::Sink RunnerLoop::sink(CellId id, Stream stream) const {
  return [this, id, stream](uint64_t offset, std::string_view bytes) {
    handlers_.on_output(id, stream, offset, bytes);
  };
}

void RunnerLoop::read_outputs() {
  for (auto& [id, job] : jobs_) {
    if (!job.sent) continue;
    job.out.read_some(sink(id, Stream::out));
    job.err.read_some(sink(id, Stream::err));
    if (job.out.flooded() || job.err.flooded()) job.kill_causes |= wire::kOutput;
  }
}

void RunnerLoop::finish(CellId id, const wire::Finished& finished, UniqueFd artifacts) {
  auto node = jobs_.extract(id);
  RunnerJob& job = node.mapped();
  if (job.sent) {
    job.out.read_rest(sink(id, Stream::out));
    job.err.read_rest(sink(id, Stream::err));
  }
  CellFacts facts;
  facts.limits = job.run.limits;
  facts.requested_us = job.requested_us;
  facts.flooded = job.out.flooded() || job.err.flooded();
  facts.out = job.out.take();
  facts.err = job.err.take();
  model::TaskResult result = make_result(finished, std::move(facts));
  if (!job.refusal.empty()) result.message = job.refusal;
  if (artifacts) add_artifacts(std::move(artifacts), job.run, result);
  handlers_.on_finished(id, std::move(result));
}

void RunnerLoop::finish_failed(CellId id, const StepFailure& failure) {
  finish(id, failed_with(failure));
}

}  // namespace kiln::sandbox
