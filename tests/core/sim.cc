#include "tests/core/sim.h"

#include <algorithm>

namespace kiln::core::sim {
namespace {

class Cluster {
 public:
  explicit Cluster(const SimOptions& options)
      : options_(options),
        loop_(options.seed),
        store_(verdicts_),
        broker_(loop_, store_, verdicts_,
                SimBroker::Wires{[this](const Send& send) { to_worker(send); },
                                 [this](const Reply& reply, const Stored* stored) {
                                   to_client(reply, stored);
                                 }}),
        clients_(loop_, broker_, store_, verdicts_, options.clients) {}

  SimReport run();

 private:
  void to_worker(const Send& send);
  void to_client(const Reply& reply, const Stored* stored);
  void nemesis();
  void harm_worker(SimWorker& worker);
  void crash_broker();
  void look();
  void make_peace();
  bool at_rest();
  void check_rest();

  SimOptions options_;
  SimReport report_;
  Verdicts verdicts_;
  SimLoop loop_;
  SimStore store_;
  SimBroker broker_;
  SimClients clients_;
  std::vector<std::unique_ptr<SimWorker>> workers_;
};

void Cluster::to_worker(const Send& send) {
  for (const auto& worker : workers_) {
    if (worker->alive() && worker->instance() == send.worker) worker->send_down(send.message);
  }
}

void Cluster::to_client(const Reply& reply, const Stored* stored) {
  // The answer leaves as it is now; the store may go on before it arrives.
  const std::shared_ptr<Stored> copy =
      stored == nullptr ? nullptr : std::make_shared<Stored>(*stored);
  loop_.after(loop_.between(Duration(50), 5 * kMs),
              [this, reply, copy] { clients_.answer(reply, copy.get()); });
}

void Cluster::nemesis() {
  if (loop_.now().mono >= MonoTime(std::chrono::hours(1)) + options_.faults) return make_peace();
  loop_.after(loop_.between({}, 2 * options_.between_faults), [this] { nemesis(); });
  const uint64_t dice = loop_.below(100);
  if (dice < 5) {
    crash_broker();
  } else if (dice < 10) {
    broker_.fail_next_commit();
  } else if (dice < 20) {
    ++report_.wall_jumps;
    loop_.jump_wall(loop_.between(-600 * kSec, 600 * kSec));
  } else {
    harm_worker(*workers_[loop_.below(workers_.size())]);
  }
}

void Cluster::harm_worker(SimWorker& worker) {
  switch (loop_.below(4)) {
    case 0:
      ++report_.worker_crashes;
      return worker.crash(loop_.between(kMs, 5 * kSec));
    case 1:
      ++report_.link_breaks;
      return worker.break_link(loop_.chance(500));
    case 2:
      ++report_.link_breaks;
      return worker.go_silent(loop_.chance(500), loop_.between(kMs, 6 * kSec));
    default:
      return worker.pause(loop_.between(kMs, 6 * kSec));
  }
}

void Cluster::crash_broker() {
  if (!broker_.up()) return;
  ++report_.broker_crashes;
  broker_.crash();
  for (const auto& worker : workers_) worker->broker_is_gone();
  loop_.after(loop_.between(kMs, 4 * kSec), [this] {
    if (!broker_.up()) broker_.start();
  });
}

// Every link is opened anew once more, so that what a lost acknowledgement left is sent again.
void Cluster::make_peace() {
  loop_.set_wall_to_furthest();
  for (const auto& worker : workers_) {
    worker->drop_messages(0);
    worker->break_link(false);
  }
}

void Cluster::look() {
  clients_.check();
  store_.audit();
  if (broker_.up()) broker_.check_against_store();
  loop_.after(kSec, [this] { look(); });
}

bool Cluster::at_rest() {
  if (!clients_.done() || !broker_.up() || broker_.core().live_tasks() != 0) return false;
  return broker_.idle() && std::ranges::all_of(workers_, [](const auto& worker) {
           return worker->holds_nothing() && worker->linked();
         });
}

void Cluster::check_rest() {
  const std::vector<WorkerView> views = broker_.workers();
  size_t up = 0;
  for (const WorkerView& view : views) {
    up += view.up ? 1 : 0;
    if (view.leases != 0) verdicts_.wrong(view.name + " still has leases when all has ended");
  }
  if (up < workers_.size()) verdicts_.wrong("not every worker is back");
}

SimReport Cluster::run() {
  broker_.start();
  for (size_t i = 0; i < options_.workers; ++i) {
    workers_.push_back(std::make_unique<SimWorker>(
        loop_, broker_, verdicts_, [this](const TaskId& id) { return clients_.plan_of(id); }, i));
    workers_.back()->drop_messages(2);
    workers_.back()->start();
  }
  clients_.start();
  nemesis();
  look();
  const MonoTime peace = loop_.now().mono + options_.faults;
  const MonoTime end = peace + options_.patience;
  MonoTime next_look = peace + 10 * kSec;
  bool rested = false;
  while (verdicts_.ok() && !rested && loop_.now().mono < end && loop_.step()) {
    if (loop_.now().mono < next_look) continue;
    next_look = loop_.now().mono + kSec;
    rested = at_rest();
  }
  if (rested) check_rest();
  if (verdicts_.ok() && !rested) {
    verdicts_.wrong("not all came to rest; open:\n" + clients_.open_tasks());
  }
  report_.seed = options_.seed;
  report_.events = loop_.events();
  report_.workers = options_.workers;
  report_.tasks = options_.clients.tasks;
  report_.commits_failed = broker_.commits_failed;
  report_.stale_results = broker_.stale_results;
  report_.lost_leases = broker_.lost_leases;
  report_.joins = broker_.joins;
  report_.cache_hits = broker_.cache_hits;
  report_.wrongs = verdicts_.wrongs();
  return report_;
}

}  // namespace

SimReport simulate(const SimOptions& options) { return Cluster(options).run(); }

}  // namespace kiln::core::sim
