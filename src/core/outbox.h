// "Stored before told": holds effects until the writes made before them are committed.
//
//   push(effects) ── ready at once: those with no uncommitted Persist before them
//                 └─ the rest waits
//   take_batch()  ── all writes that are not with the journal yet, as one batch; one batch is under
//                    way at a time, and what arrives meanwhile goes with the next: group commit
//                    without sleeping
//   committed()   ── the batch is on disk: effects up to its last write become ready, in order
//   failed()      ── the batch is not: everything that waits is dropped, the owner reloads the core
//
// Lazy writes hold nothing back but travel in order with the others. One whose row is written again
// in the same batch is left out: a row is written whole, and a batch all or nothing.
//
// Two kinds of effects do not wait for their turn. Signs of life to workers (heartbeat_ok,
// hello_first, welcome) tell nothing of tasks. An Assign tells only of its own task, so it leaves
// once that one's last Persist is committed: a worker with a free slot does not wait for the disk
// to take the end of the task before. It goes past nothing that its own worker must hear first:
// only past finished_ok and other Assigns.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "core/effects.h"

namespace kiln::core {

class Outbox {
 public:
  // Effects that may be carried out now, in order (never a Persist).
  Effects push(Effects effects);
  // Nothing if a batch is under way or there is nothing to commit. The batch is empty only if all
  // of its Persists were.
  std::optional<model::Writes> take_batch();
  struct Committed {
    Effects ready;
    // Cumulative count of non-lazy Persists committed, for Scheduler::committed.
    uint64_t persists = 0;
  };
  // Precondition: a batch is under way.
  Committed committed();
  // The effects that will never leave, in order: the owner answers its clients. Writes not yet
  // taken are dropped too, and the counts start at 0 again, as the reloaded core's do.
  Effects failed();

  bool idle() const;  // nothing waits and nothing is under way
  size_t waiting_effects() const;
  // Programs and results that are not on disk yet.
  size_t waiting_bytes() const { return pending_bytes_ + batch_bytes_; }

 private:
  bool may_leave(const Effect& effect) const;
  void keep(Effect effect);
  void drop_overwritten();

  struct Entry {
    Effect effect;
    uint64_t behind = 0;  // ready when this many non-lazy Persists are committed
  };
  std::deque<Entry> waiting_;
  std::map<InstanceId, uint64_t> held_;  // of waiting_, by worker, what an Assign may not go past
  model::Writes pending_;
  std::vector<bool> lazy_;  // for each of pending_
  uint64_t made_ = 0;       // non-lazy Persists pushed
  uint64_t in_batch_ = 0;   // of them, in the batch under way (cumulative)
  uint64_t committed_ = 0;  // of them, on disk
  size_t pending_bytes_ = 0;
  size_t batch_bytes_ = 0;  // of the batch under way
  bool under_way_ = false;
};

}  // namespace kiln::core
