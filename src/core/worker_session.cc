#include "core/worker_session.h"

#include <algorithm>
#include <utility>

namespace kiln::core {
namespace {

// Far ahead, and still far from an overflow when counted in nanoseconds.
constexpr MonoTime kNever{std::chrono::hours(24 * 365 * 100)};

template <class Message>
void tell(SessionEffects& out, Message message) {
  out.emplace_back(Tell{std::move(message)});
}

}  // namespace

// --- the worker's own events

WorkerSession::WorkerSession(WorkerOptions options) : options_(std::move(options)) {}

SessionEffects WorkerSession::connected(MonoTime now) {
  SessionEffects out;
  if (left_) return out;
  linked_ = true;
  last_heard_ = now;
  say_hello(now, out);
  return out;
}

SessionEffects WorkerSession::received(const model::ToWorker& message, MonoTime now) {
  SessionEffects out;
  if (left_) return out;
  last_heard_ = now;
  std::visit([&](const auto& m) { on(m, now, out); }, message);
  leave_when_empty(out);
  return out;
}

SessionEffects WorkerSession::started(const model::LeaseRef& lease, MonoTime now) {
  SessionEffects out;
  const auto held = held_.find(lease);
  if (held == held_.end() || held->second.killed) return out;
  held->second.told = true;
  held->second.started_at = now;
  if (serving_) tell(out, model::Started{lease});  // else after the welcome
  return out;
}

SessionEffects WorkerSession::ended(const model::LeaseRef& lease, model::Verdict verdict,
                                    model::Bytes result, MonoTime now) {
  SessionEffects out;
  const auto held = held_.find(lease);
  if (held == held_.end() || !held->second.running) return out;
  const bool killed = held->second.killed;
  if (held->second.told && !killed) note_run(now - held->second.started_at, out);
  held_.erase(held);
  if (!killed) {
    if (serving_) tell(out, model::Finished{lease, verdict, result});
    results_[lease] = {verdict, std::move(result)};
  }
  fill_slots(out);
  leave_when_empty(out);
  return out;
}

SessionEffects WorkerSession::tick(MonoTime now) {
  SessionEffects out;
  if (left_ || !linked_) return out;
  if (now - last_heard_ >= options_.window) {
    serving_ = false;
    last_heard_ = now;  // the new link has a window of its own
    last_hello_ = now;  // it says hello when it is open
    out.emplace_back(Reconnect{});
  } else if (serving_ && now - last_beat_ >= options_.heartbeat) {
    last_beat_ = now;
    tell(out, model::Heartbeat{});
  } else if (!serving_ && now - last_hello_ >= options_.heartbeat) {
    // The broker may have been loading when the last one came. It waits one window for claims.
    say_hello(now, out);
  }
  return out;
}

MonoTime WorkerSession::next_deadline() const {
  if (left_ || !linked_) return kNever;
  const MonoTime silence = last_heard_ + options_.window;
  return std::min(silence, (serving_ ? last_beat_ : last_hello_) + options_.heartbeat);
}

SessionEffects WorkerSession::drain() {
  SessionEffects out;
  if (left_) return out;
  start_draining(out);
  leave_when_empty(out);
  return out;
}

std::vector<model::LeaseRef> WorkerSession::running_leases() const {
  std::vector<model::LeaseRef> leases;
  for (const auto& [lease, held] : held_) {
    if (held.running) leases.push_back(lease);
  }
  return leases;
}

size_t WorkerSession::running() const { return held_.size() - order_.size(); }

// --- the broker's messages

void WorkerSession::on(const model::Welcome& message, MonoTime now, SessionEffects& out) {
  if (message.heartbeat_ms > 0)
    options_.heartbeat = std::chrono::milliseconds(message.heartbeat_ms);
  if (message.window_ms > 0) options_.window = std::chrono::milliseconds(message.window_ms);
  const bool other_boot = boot_ && *boot_ != message.boot;
  boot_ = message.boot;
  serving_ = true;
  last_beat_ = now;
  for (const auto& [lease, held] : held_) {
    // A broker that started anew has no watchers until it says so.
    if (other_boot && held.assign.watch) set_watch(lease, false, out);
    if (held.told && !held.killed) tell(out, model::Started{lease});
  }
  for (const auto& [lease, kept] : results_) {
    tell(out, model::Finished{lease, kept.verdict, kept.result});
  }
  fill_slots(out);
}

void WorkerSession::on(const model::Assign& message, MonoTime /*now*/, SessionEffects& out) {
  const model::LeaseRef& lease = message.lease;
  if (held_.count(lease) != 0 || results_.count(lease) != 0 || closed_.has(lease)) return;
  if (!disown_older(lease, out)) return;
  if (auto reason = why_refuse(message)) {
    closed_.add(lease);
    tell(out, model::Refused{lease, std::move(*reason)});
    return;
  }
  held_[lease].assign = message;
  order_.push_back(lease);
  fill_slots(out);
}

void WorkerSession::on(const model::CancelLease& message, MonoTime /*now*/, SessionEffects& out) {
  disown(message.lease, out);
}

void WorkerSession::on(const model::Fenced& message, MonoTime /*now*/, SessionEffects& out) {
  disown(message.lease, out);
}

void WorkerSession::on(const model::FinishedOk& message, MonoTime /*now*/,
                       SessionEffects& /*out*/) {
  if (results_.erase(message.lease) != 0) closed_.add(message.lease);
}

void WorkerSession::on(const model::WatchLease& message, MonoTime /*now*/, SessionEffects& out) {
  set_watch(message.lease, true, out);
}

void WorkerSession::on(const model::UnwatchLease& message, MonoTime /*now*/, SessionEffects& out) {
  set_watch(message.lease, false, out);
}

void WorkerSession::on(const model::Recall& message, MonoTime /*now*/, SessionEffects& out) {
  const auto held = held_.find(message.lease);
  const bool begun = held != held_.end() && held->second.running;
  if (begun || results_.count(message.lease) != 0) return;
  // Also one that is not known here: its `assign` was lost, or comes later and is then too late.
  give_back(message.lease, out);
}

void WorkerSession::on(const model::Drain& /*message*/, MonoTime /*now*/, SessionEffects& out) {
  start_draining(out);
}

void WorkerSession::on(const model::HelloFirst& /*message*/, MonoTime now, SessionEffects& out) {
  // A broker that restarted says so to each message that was under way: one hello answers them all.
  if (!serving_ && now - last_hello_ < options_.heartbeat) return;
  say_hello(now, out);
}

void WorkerSession::on(const model::HeartbeatOk& /*message*/, MonoTime /*now*/,
                       SessionEffects& /*out*/) {}

// Blobs travel beside the lease protocol; here their answers are signs of life.
void WorkerSession::on(const model::BlobOk& /*message*/, MonoTime /*now*/,
                       SessionEffects& /*out*/) {}

void WorkerSession::on(const model::BlobError& /*message*/, MonoTime /*now*/,
                       SessionEffects& /*out*/) {}

void WorkerSession::on(const model::Ping& message, MonoTime /*now*/, SessionEffects& out) {
  tell(out, model::Pong{message.token});
}

// --- what they share

void WorkerSession::say_hello(MonoTime now, SessionEffects& out) {
  serving_ = false;
  last_hello_ = now;
  tell(out, hello());
}

model::Hello WorkerSession::hello() const {
  model::Hello hello;
  hello.instance = options_.instance;
  hello.name = options_.name;
  hello.slots = options_.slots;
  hello.credit = credit();
  hello.languages = options_.languages;
  hello.tags = options_.tags;
  hello.queues = options_.queues;
  hello.weak_isolation = options_.weak_isolation;
  for (const auto& [lease, held] : held_) {
    if (!held.killed) hello.leases.push_back(lease);
  }
  for (const auto& [lease, kept] : results_) hello.results.push_back(lease);
  return hello;
}

uint32_t WorkerSession::credit() const {
  if (draining_) return 0;
  return options_.slots + (runs_.short_runs() ? options_.prefetch : 0);
}

void WorkerSession::note_run(Duration ran, SessionEffects& out) {
  const uint32_t before = credit();
  runs_.add(ran);
  if (serving_ && credit() != before) tell(out, model::Credit{credit()});
}

size_t WorkerSession::live_leases() const {
  return static_cast<size_t>(std::count_if(held_.begin(), held_.end(),
                                           [](const auto& entry) { return !entry.second.killed; }));
}

std::optional<std::string> WorkerSession::why_refuse(const model::Assign& assign) const {
  if (draining_) return "the worker is draining";
  const auto has_it = [&](const model::LanguageVersion& l) { return l.name == assign.language; };
  if (std::none_of(options_.languages.begin(), options_.languages.end(), has_it)) {
    return "the worker does not have the language " + assign.language;
  }
  // More credit may have been stated a moment ago.
  if (live_leases() >= options_.slots + options_.prefetch) {
    return "the worker holds as many leases as its credit allows";
  }
  if (results_.size() >= kMaxResultsKept) return "too many results wait for their acknowledgement";
  return std::nullopt;
}

bool WorkerSession::disown_older(const model::LeaseRef& lease, SessionEffects& out) {
  std::vector<model::LeaseRef> older;
  for (auto it = held_.lower_bound({lease.id, {}}); it != held_.end() && it->first.id == lease.id;
       ++it) {
    if (it->first.epoch > lease.epoch) return false;
    older.push_back(it->first);
  }
  for (const model::LeaseRef& one : older) disown(one, out);
  return true;
}

void WorkerSession::disown(const model::LeaseRef& lease, SessionEffects& out) {
  closed_.add(lease);
  results_.erase(lease);
  const auto held = held_.find(lease);
  if (held == held_.end() || held->second.killed) return;
  if (held->second.running) {
    held->second.killed = true;
    out.emplace_back(KillTask{lease});
  } else {
    held_.erase(held);
    order_.erase(std::remove(order_.begin(), order_.end(), lease), order_.end());
  }
}

void WorkerSession::set_watch(const model::LeaseRef& lease, bool on, SessionEffects& out) {
  const auto held = held_.find(lease);
  if (held == held_.end() || held->second.killed) return;
  const bool was = std::exchange(held->second.assign.watch, on);
  // Asked again, it is sent again from the start: the broker may have lost the beginning.
  if (held->second.running && (on || was)) out.emplace_back(SetWatch{lease, on});
}

void WorkerSession::give_back(const model::LeaseRef& lease, SessionEffects& out) {
  disown(lease, out);
  tell(out, model::Returned{lease});
}

void WorkerSession::start_draining(SessionEffects& out) {
  if (std::exchange(draining_, true)) return;
  tell(out, model::Credit{credit()});
  for (const model::LeaseRef& lease : std::vector(order_)) give_back(lease, out);
}

void WorkerSession::fill_slots(SessionEffects& out) {
  while (serving_ && !order_.empty() && running() < options_.slots) {
    Held& held = held_.at(order_.front());
    order_.erase(order_.begin());
    held.running = true;
    out.emplace_back(StartTask{held.assign});
    // What stays is needed for watching only; the program's bytes go with the task.
    held.assign.program = nullptr;
  }
}

void WorkerSession::leave_when_empty(SessionEffects& out) {
  if (!draining_ || left_ || !held_.empty() || !results_.empty()) return;
  left_ = true;
  serving_ = false;
  tell(out, model::Goodbye{});
  out.emplace_back(Leave{});
}

void WorkerSession::Closed::add(const model::LeaseRef& lease) {
  if (!leases_.insert(lease).second) return;
  order_.push_back(lease);
  if (order_.size() <= kMaxClosedLeases) return;
  leases_.erase(order_.front());
  order_.pop_front();
}

}  // namespace kiln::core
