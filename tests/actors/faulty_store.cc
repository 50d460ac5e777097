#include "tests/actors/faulty_store.h"

namespace kiln::actors {
namespace {

class FaultyStore : public store::Store {
 public:
  FaultyStore(std::shared_ptr<store::Store> rows, std::shared_ptr<Faults> faults)
      : rows_(std::move(rows)), faults_(std::move(faults)) {}

  Result<store::Boot> open_boot() override {
    if (faults_->commits_fail) return failure();
    return rows_->open_boot();
  }
  Status load_live(const std::function<void(model::TaskRow)>& each) override {
    return rows_->load_live(each);
  }
  Status load_queues(const std::function<void(model::QueueSettings)>& each) override {
    return rows_->load_queues(each);
  }
  Status load_cached(WallTime finished_since, size_t limit,
                     const std::function<void(model::TaskRow)>& each) override {
    return rows_->load_cached(finished_since, limit, each);
  }
  Result<std::map<std::string, uint64_t>> count_dead() override { return rows_->count_dead(); }
  Status commit(const model::Writes& writes) override {
    if (faults_->commits_fail) return failure();
    return rows_->commit(writes);
  }
  Result<std::unique_ptr<store::Reader>> reader() override { return rows_->reader(); }

 private:
  Error failure() const {
    ++faults_->failed;
    return {faults_->code, "the test's store fails", "", "as it was told", ""};
  }

  std::shared_ptr<store::Store> rows_;
  std::shared_ptr<Faults> faults_;
};

}  // namespace

StoreOpener faulty_store(std::shared_ptr<Faults> faults) {
  std::shared_ptr<store::Store> rows = store::make_memory_store();
  return [rows, faults = std::move(faults)]() -> Result<std::unique_ptr<store::Store>> {
    ++faults->opened;
    return std::unique_ptr<store::Store>(std::make_unique<FaultyStore>(rows, faults));
  };
}

}  // namespace kiln::actors
