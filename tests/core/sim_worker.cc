#include "tests/core/sim_worker.h"

#include <algorithm>

namespace kiln::core::sim {

SimWorker::SimWorker(SimLoop& loop, SimBroker& broker, Verdicts& verdicts,
                     std::function<Plan(const TaskId&)> plan, size_t index)
    : loop_(loop), broker_(broker), verdicts_(verdicts), plan_(std::move(plan)), index_(index) {}

void SimWorker::start() {
  ++life_;
  options_.instance = make_id<InstanceId>(loop_.now().wall, loop_.random());
  options_.name = "w" + std::to_string(index_) + "." + std::to_string(life_);
  options_.slots = static_cast<uint32_t>(1 + index_ % 4);
  options_.prefetch = index_ % 3 == 0 ? options_.slots : 0;
  options_.languages = {{"python", "3"}};
  if (index_ % 2 == 0) options_.languages.push_back({"bash", "5"});
  session_ = std::make_unique<WorkerSession>(options_);
  connect_later();
  tick();
}

void SimWorker::crash(Duration down) {
  if (!alive()) return;
  break_link(loop_.chance(700));
  ++life_;
  session_.reset();
  cells_.clear();
  loop_.after(down, [this] { start(); });
}

void SimWorker::break_link(bool hint) {
  ++link_;
  linked_ = false;
  if (hint) {
    const InstanceId instance = options_.instance;
    loop_.after(loop_.between({}, 100 * kMs), [this, instance] { broker_.unreachable(instance); });
  }
  if (alive()) connect_later();
}

void SimWorker::go_silent(bool up, Duration time) {
  (up ? held_up_until_ : held_down_until_) = loop_.now().mono + time;
}

void SimWorker::pause(Duration time) { paused_until_ = loop_.now().mono + time; }

bool SimWorker::holds_nothing() const {
  return alive() && session_->running() == 0 && session_->waiting() == 0 &&
         session_->results_held() == 0 && cells_.empty();
}

void SimWorker::in_life(Duration delay, SimLoop::Action action) {
  const uint64_t life = life_;
  loop_.after(delay, [this, life, action = std::move(action)]() mutable {
    if (life != life_) return;
    if (loop_.now().mono < paused_until_) {
      return in_life(paused_until_ - loop_.now().mono, std::move(action));
    }
    action();
  });
}

void SimWorker::connect_later() {
  in_life(loop_.between(kMs, 2 * kSec), [this] { connect(); });
}

void SimWorker::connect() {
  if (linked_) return;
  if (!broker_.up()) return connect_later();
  ++link_;
  linked_ = true;
  last_up_ = last_down_ = loop_.now().mono;
  run(session_->connected(loop_.now().mono));
}

MonoTime SimWorker::arrival(MonoTime& last, MonoTime held_until) {
  const Duration delay =
      loop_.chance(5) ? loop_.between(kMs, 800 * kMs) : loop_.between(Duration(50), 3 * kMs);
  last = std::max({last + Duration(1), loop_.now().mono + delay, held_until});
  return last;
}

// In order, or not at all when the link breaks first.
void SimWorker::send_up(model::FromWorker message) {
  if (!linked_) return;
  const auto deliver = [this, link = link_, instance = options_.instance, name = options_.name,
                        message = std::move(message)] {
    if (link == link_) broker_.heard(instance, name, message);
  };
  loop_.at(arrival(last_up_, held_up_until_), deliver);
}

void SimWorker::send_down(model::ToWorker message) {
  if (!linked_ || !alive() || loop_.chance(drop_per_mille_)) return;
  loop_.at(arrival(last_down_, held_down_until_),
           [this, link = link_, message = std::move(message)] {
             if (link != link_) return;
             in_life({}, [this, link, message] {
               if (link == link_) run(session_->received(message, loop_.now().mono));
             });
           });
}

void SimWorker::tick() {
  run(session_->tick(loop_.now().mono));
  in_life(250 * kMs, [this] { tick(); });
}

void SimWorker::run(const SessionEffects& effects) {
  const uint64_t life = life_;
  for (const SessionEffect& effect : effects) {
    if (life == life_) run(effect);
  }
}

void SimWorker::run(const SessionEffect& effect) {
  if (const auto* tell = std::get_if<Tell>(&effect)) {
    send_up(tell->message);
  } else if (const auto* start = std::get_if<StartTask>(&effect)) {
    start_cell(start->assign);
  } else if (const auto* kill = std::get_if<KillTask>(&effect)) {
    kill_cell(kill->lease);
  } else if (std::holds_alternative<Reconnect>(effect)) {
    break_link(false);
  }
}

void SimWorker::start_cell(const model::Assign& assign) {
  const uint64_t serial = ++cell_serial_;
  cells_[assign.lease] = Cell{assign.attempt, serial, false};
  if (cells_.size() > options_.slots) verdicts_.wrong("a worker runs more cells than it has slots");
  const Plan plan = plan_(assign.lease.id);
  const model::LeaseRef lease = assign.lease;
  in_life(loop_.between(kMs, 4 * kMs), [this, lease, serial, plan] {
    const auto cell = cells_.find(lease);
    if (cell == cells_.end() || cell->second.serial != serial || cell->second.killed) return;
    run(session_->started(lease, loop_.now().mono));
    if (plan.kills_worker) return crash(loop_.between(kMs, 3 * kSec));
    in_life(plan.takes, [this, lease, serial] { end_cell(lease, serial); });
  });
}

void SimWorker::kill_cell(const model::LeaseRef& lease) {
  const auto cell = cells_.find(lease);
  if (cell == cells_.end()) return verdicts_.wrong("a cell is killed that does not run");
  cell->second.killed = true;
  in_life(loop_.between(kMs, 50 * kMs),
          [this, lease, serial = cell->second.serial] { end_cell(lease, serial); });
}

void SimWorker::end_cell(const model::LeaseRef& lease, uint64_t serial) {
  const auto cell = cells_.find(lease);
  if (cell == cells_.end() || cell->second.serial != serial) return;
  const Plan plan = plan_(lease.id);
  const bool good = cell->second.attempt >= plan.good_from;
  const auto verdict = cell->second.killed ? model::Verdict::cancelled
                       : good              ? model::Verdict::ok
                                           : plan.verdict;
  cells_.erase(cell);
  run(session_->ended(lease, verdict, std::make_shared<const std::string>(show(lease.epoch)),
                      loop_.now().mono));
}

}  // namespace kiln::core::sim
