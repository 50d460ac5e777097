#include "store/faulty_store.h"

#include <utility>

namespace kiln::store {

void FaultPlan::next(Fault fault) {
  const std::lock_guard lock(mutex_);
  next_.push_back(std::move(fault));
}

void FaultPlan::always(std::optional<Fault> fault) {
  const std::lock_guard lock(mutex_);
  always_ = std::move(fault);
}

int FaultPlan::carried_out() const {
  const std::lock_guard lock(mutex_);
  return carried_out_;
}

int FaultPlan::opened() const {
  const std::lock_guard lock(mutex_);
  return opened_;
}

std::optional<Fault> FaultPlan::take() {
  const std::lock_guard lock(mutex_);
  std::optional<Fault> fault = always_;
  if (!next_.empty()) {
    fault = std::move(next_.front());
    next_.pop_front();
  }
  if (fault) ++carried_out_;
  return fault;
}

void FaultPlan::note_opened() {
  const std::lock_guard lock(mutex_);
  ++opened_;
}

class FaultyStore : public Store {
 public:
  FaultyStore(std::shared_ptr<Store> below, std::shared_ptr<FaultPlan> plan)
      : below_(std::move(below)), plan_(std::move(plan)) {
    plan_->note_opened();
  }

  Result<Boot> open_boot() override {
    Result<Boot> boot = Boot{};
    Status done = faulted([&]() -> Status {
      boot = below_->open_boot();
      return boot ? Status() : Status(boot.error());
    });
    if (!done) return std::move(done).error();
    return boot;
  }
  Status load_live(const std::function<void(model::TaskRow)>& each) override {
    return failure_ ? Status(*failure_) : below_->load_live(each);
  }
  Status load_queues(const std::function<void(model::QueueSettings)>& each) override {
    return failure_ ? Status(*failure_) : below_->load_queues(each);
  }
  Status load_cached(WallTime finished_since, size_t limit,
                     const std::function<void(model::TaskRow)>& each) override {
    return failure_ ? Status(*failure_) : below_->load_cached(finished_since, limit, each);
  }
  Result<std::map<std::string, uint64_t>> count_dead() override {
    if (failure_) return *failure_;
    return below_->count_dead();
  }
  Status commit(const model::Writes& writes) override {
    return faulted([&] { return below_->commit(writes); });
  }
  Result<std::unique_ptr<Reader>> reader() override {
    if (failure_) return *failure_;
    return below_->reader();
  }

 private:
  template <class Work>
  Status faulted(Work work) {
    if (failure_) return *failure_;
    const std::optional<Fault> fault = plan_->take();
    if (!fault) return work();
    if (fault->wait) fault->wait();
    Status done;
    if (fault->stored) done = work();
    if (!done || !fault->answer) return done;
    Error error{*fault->answer, "the store fails", "", "as a test planned it", ""};
    if (!stays_usable(error.code)) failure_ = error;
    return error;
  }

  std::shared_ptr<Store> below_;
  std::shared_ptr<FaultPlan> plan_;
  std::optional<Error> failure_;
};

std::unique_ptr<Store> make_faulty_store(std::shared_ptr<Store> below,
                                         std::shared_ptr<FaultPlan> plan) {
  return std::make_unique<FaultyStore>(std::move(below), std::move(plan));
}

}  // namespace kiln::store
