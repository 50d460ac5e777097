#include "tests/core/sim_broker.h"

namespace kiln::core::sim {

using model::TaskState;

void SimBroker::start() {
  options_.boot = store_.open_boot();
  options_.last_seq = store_.last_seq();
  options_.cache.ttl = 3 * kSec;  // so that equal work is run again, and joined
  options_.max_joins = 3;
  core_ = std::make_unique<Scheduler>(options_, Random(loop_.random()()));
  outbox_ = Outbox();
  due_.clear();
  heard_.clear();
  for (const model::TaskRow& row : store_.live()) core_->load(row);
  for (const model::TaskRow& row : store_.cached()) core_->load_cached(row);
  ++life_;
  run(core_->finish_load(loop_.now()));
  tick();
}

void SimBroker::crash() {
  ++life_;
  core_.reset();
}

void SimBroker::take(Command command) {
  if (!up()) return;
  if (auto* submit = std::get_if<Submit>(&command)) {
    for (Submission& submission : submit->tasks) {
      const Stored* known = store_.find(submission.row.id);
      if (known != nullptr) submission.known = known->row;
    }
  }
  run(core_->apply(std::move(command), loop_.now()));
}

void SimBroker::heard(const InstanceId& worker, const std::string& name,
                      model::FromWorker message) {
  if (!up()) return;
  names_[worker] = name;
  Heard& heard = heard_[name];
  heard.last = loop_.now().mono;
  if (std::holds_alternative<model::Hello>(message)) heard.unreachable.reset();
  run(core_->apply(WorkerSaid{worker, std::move(message)}, loop_.now()));
}

void SimBroker::unreachable(const InstanceId& worker) {
  if (!up()) return;
  Heard& heard = heard_[names_[worker]];
  if (!heard.unreachable) heard.unreachable = loop_.now().mono;
  run(core_->apply(WorkerUnreachable{worker}, loop_.now()));
}

std::vector<WorkerView> SimBroker::workers() {
  const Effects effects = core_->apply(QueryWorkers{}, loop_.now());
  return std::get<std::vector<WorkerView>>(std::get<Reply>(effects.at(0)).body);
}

void SimBroker::check_against_store() {
  for (const model::TaskRow& row : store_.live()) {
    if (!core_->find(row.id)) verdicts_.wrong("the core lost the task " + to_string(row.id));
  }
}

void SimBroker::run(Effects effects) {
  for (const Effect& effect : effects) {
    if (const auto* persist = std::get_if<Persist>(&effect)) check_loss(*persist);
  }
  carry_out(outbox_.push(std::move(effects)));
  pump();
}

void SimBroker::carry_out(const Effects& effects) {
  const uint64_t life = life_;
  for (const Effect& effect : effects) {
    if (life == life_) carry_out(effect);
  }
}

void SimBroker::carry_out(const Effect& effect) {
  if (const auto* send = std::get_if<Send>(&effect)) {
    check_send(*send);
    wires_.to_worker(*send);
  } else if (const auto* cancel = std::get_if<Cancel>(&effect)) {
    wires_.to_worker(Send{cancel->worker, model::CancelLease{cancel->lease}});
  } else if (const auto* answer = std::get_if<Reply>(&effect)) {
    reply(*answer);
  } else if (const auto* schedule = std::get_if<Schedule>(&effect)) {
    due_.emplace(schedule->due, Due{schedule->id, schedule->version});
  } else if (const auto* count = std::get_if<Count>(&effect)) {
    stale_results += count->counter == Counter::stale_results ? 1 : 0;
    lost_leases += count->counter == Counter::leases_expired ? 1 : 0;
    joins += count->counter == Counter::joined ? 1 : 0;
    cache_hits += count->counter == Counter::cache_hits ? 1 : 0;
  }
}

void SimBroker::reply(const Reply& reply) {
  const auto* from_store = std::get_if<FromStore>(&reply.body);
  const auto shown = from_store == nullptr ? std::nullopt : store_.shown(from_store->id);
  wires_.to_client(reply, shown ? &*shown : nullptr);
}

// What is told is stored: an assigned task, and the end that an acknowledgement rests on.
void SimBroker::check_send(const Send& send) {
  if (const auto* assign = std::get_if<model::Assign>(&send.message)) {
    const Stored* stored = store_.find(assign->lease.id);
    if (stored == nullptr) return verdicts_.wrong("a task was assigned before it was stored");
    // Unless the core has gone on since: what led to this attempt is stored, too.
    const auto row = core_->find(assign->lease.id);
    if (!row || row->epoch != assign->lease.epoch || row->state != TaskState::running) return;
    if (row->losses != stored->row.losses || row->retries_used != stored->row.retries_used) {
      verdicts_.wrong("a task was assigned before what led to the attempt was stored");
    }
  } else if (const auto* ok = std::get_if<model::FinishedOk>(&send.message)) {
    const Stored* stored = store_.find(ok->lease.id);
    const bool safe =
        stored != nullptr && stored->row.epoch == ok->lease.epoch &&
        (model::is_terminal(stored->row.state) || stored->row.state == TaskState::retrying);
    if (!safe) {
      verdicts_.wrong("the result of lease " + show(ok->lease.epoch) + " of " +
                      to_string(ok->lease.id) + " is acknowledged, but not what is stored");
    }
  }
}

// A lease is lost by monotonic silence, or by a hint and its grace: never by the wall clock.
void SimBroker::check_loss(const Persist& persist) {
  if (persist.writes.size() != 2) return;
  const auto* event = std::get_if<model::AddEvent>(&persist.writes.at(1));
  if (event == nullptr || event->event.note.find("not heard") == std::string::npos) return;
  const MonoTime now = loop_.now().mono;
  const Heard& heard = heard_[event->event.worker];
  const bool silent = now - heard.last >= options_.window;
  const bool gone = heard.unreachable && now - *heard.unreachable >= options_.unreachable_grace;
  if (!silent && !gone) verdicts_.wrong("a worker lost its lease inside its window");
}

void SimBroker::pump() {
  auto batch = outbox_.take_batch();
  if (!batch) return;
  const uint64_t life = life_;
  const Duration takes =
      loop_.chance(20) ? loop_.between(kMs, 500 * kMs) : loop_.between(Duration(100), 5 * kMs);
  loop_.after(takes, [this, life, writes = std::move(*batch)]() mutable {
    if (life == life_) return commit_done(std::move(writes));
    // The broker died meanwhile. What was with the disk may have come to rest or not.
    if (life + 1 == life_ && !up() && loop_.chance(500)) store_.commit(writes);
  });
}

void SimBroker::commit_done(model::Writes writes) {
  if (std::exchange(fail_next_, false)) {
    ++commits_failed;
    if (loop_.chance(500)) store_.commit(writes);  // done, but the answer was lost
    outbox_.failed();
    return start();
  }
  store_.commit(writes);
  Outbox::Committed done = outbox_.committed();
  core_->committed(done.persists);
  carry_out(done.ready);
  pump();
}

void SimBroker::tick() {
  say_due();
  run(core_->tick(loop_.now()));
  const MonoTime now = loop_.now().mono;
  MonoTime next = now + kSec;
  if (const auto deadline = core_->next_deadline()) next = std::min(next, *deadline);
  const uint64_t life = life_;
  loop_.at(std::max(next, now + kMs), [this, life] {
    if (life == life_) tick();
  });
}

void SimBroker::say_due() {
  while (!due_.empty() && due_.begin()->first <= loop_.now().wall) {
    const Due due = due_.begin()->second;
    due_.erase(due_.begin());
    run(core_->apply(due, loop_.now()));
  }
}

}  // namespace kiln::core::sim
