// All task state, and every decision about it. Pure: no I/O, no threads, no clock, no global
// random. One owner (the queue actor, a test, the simulator) calls it from one thread at a time.
//
// A command goes in with the time; effects come out, to be carried out in order (outbox.h). The
// core keeps live tasks only: a terminal task is forgotten once the commit of its end is confirmed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "core/commands.h"
#include "core/effects.h"
#include "core/result_cache.h"
#include "core/retry_policy.h"

namespace kiln::core {

struct SchedulerOptions {
  // From Store::open_boot: a new one for each Scheduler, after a failed commit too, since epochs
  // count from 1 in each boot.
  uint64_t boot = 1;
  uint64_t last_seq = 0;
  Duration heartbeat = std::chrono::seconds(1);
  Duration window = std::chrono::seconds(3);  // silence after which a lease is lost
  Duration unreachable_grace = std::chrono::milliseconds(500);
  Duration returned_pause = std::chrono::milliseconds(100);  // of a worker that gave a task back
  uint32_t max_losses = 3;                  // the third lost worker makes a task poison
  Duration tick = std::chrono::seconds(1);  // a tick at least this often
  size_t max_waiters_per_task = 1'000;
  size_t max_live_tasks = 10'000'000;  // above: busy
  CacheOptions cache = {};
  size_t max_joins = 10'000;  // tasks that share one leader's end
};

// The answer for an id that does not exist or is another tenant's.
Error no_such_task(const TaskId& id);

Error no_such_worker(const std::string& name);

class Scheduler {
 public:
  Scheduler(SchedulerOptions options, Random random);
  ~Scheduler();
  Scheduler(Scheduler&&) noexcept;
  Scheduler& operator=(Scheduler&&) noexcept;

  // Before the first command: the store's live rows, by rising seq. Running ones wait one window
  // for a worker's hello that claims them. `finish_load` returns the Schedule effects of what
  // waits.
  void load(const model::TaskRow& row);
  void load_dead_letters(const std::string& queue, uint64_t count);
  void load_queue(model::QueueSettings settings);
  // What the cache starts from: tasks that ended with a result of their own, by rising
  // finished_at.
  void load_cached(const model::TaskRow& row);
  Effects finish_load(Now now);

  Effects apply(Command command, Now now);
  Effects tick(Now now);
  // When tick() must be called at the latest, in monotonic time.
  std::optional<MonoTime> next_deadline() const;

  // The writes of the first `persists` non-lazy Persist effects made so far are on disk (cumulative
  // count, see Outbox::committed). Frees what was kept for them.
  void committed(uint64_t persists);

  // A Schedule for each task that waits for its due time: what a restarted retry actor needs.
  Effects schedules() const;

  // Whose answers are still to come: when the owner gives this scheduler up, it answers them.
  std::vector<ClientRef> waiting_clients() const;

  // For tests, metrics and the simulator. Live tasks include those whose end is not committed yet.
  size_t live_tasks() const;
  std::vector<QueueView> queues() const;
  std::vector<WorkerView> workers() const;
  std::vector<Unservable> unservable() const;
  std::optional<model::TaskRow> find(const TaskId& id) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::core
