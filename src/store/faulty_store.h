// A store whose commits fail or wait as a test plans it, over any other store. Only tests link it.
//
// Threads: the plan is the test's and the store's at the same time; the rest as store.h.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "store/store.h"

namespace kiln::store {

// What becomes of one commit (open_boot is one, too).
struct Fault {
  std::function<void()> wait;       // called first, on the store's thread: the commit waits for it
  bool stored = true;               // whether the store below gets the batch
  std::optional<ErrorCode> answer;  // told instead of what the store below said
};
inline Fault refuse(ErrorCode code) { return {nullptr, false, code}; }
inline Fault commit_then_time_out() { return {nullptr, true, ErrorCode::timeout}; }
inline Fault delay(std::function<void()> wait) { return {std::move(wait), true, std::nullopt}; }

class FaultPlan {
 public:
  // For one commit, after those planned before.
  void next(Fault fault);
  // For every commit that next() has nothing for. Nothing: they go through.
  void always(std::optional<Fault> fault);

  int carried_out() const;  // faults, so far
  int opened() const;       // stores that were made with this plan

 private:
  friend class FaultyStore;
  std::optional<Fault> take();
  void note_opened();

  mutable std::mutex mutex_;  // guards all below
  std::deque<Fault> next_;
  std::optional<Fault> always_;
  int carried_out_ = 0;
  int opened_ = 0;
};

// Once it has answered an error after which a store is not usable (stays_usable), it answers that
// for ever, as store.h demands: only another one over the same rows goes on.
std::unique_ptr<Store> make_faulty_store(std::shared_ptr<Store> below,
                                         std::shared_ptr<FaultPlan> plan);

}  // namespace kiln::store
