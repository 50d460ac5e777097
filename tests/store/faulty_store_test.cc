// The store that fails as planned.
#include "store/faulty_store.h"

#include <gtest/gtest.h>

#include "tests/store/rows.h"

namespace kiln::store {
namespace {

class FaultyStoreTest : public ::testing::Test {
 protected:
  Status insert(uint64_t seq) { return store_->commit({insert_of(make_row(seq))}); }
  bool has(uint64_t seq) { return (*(*rows_->reader())->find_task(id_of(seq))).has_value(); }
  void open() { store_ = make_faulty_store(rows_, plan_); }

  std::shared_ptr<Store> rows_ = make_memory_store();
  std::shared_ptr<FaultPlan> plan_ = std::make_shared<FaultPlan>();
  std::unique_ptr<Store> store_ = make_faulty_store(rows_, plan_);
};

TEST_F(FaultyStoreTest, RefusesInOrderOfThePlan) {
  plan_->next(refuse(ErrorCode::busy));
  plan_->next(refuse(ErrorCode::too_large));
  EXPECT_EQ(insert(1).error().code, ErrorCode::busy);
  EXPECT_EQ(insert(1).error().code, ErrorCode::too_large);
  EXPECT_FALSE(has(1));
  EXPECT_TRUE(insert(1));
  EXPECT_TRUE(has(1));
  EXPECT_EQ(plan_->carried_out(), 2);
}

TEST_F(FaultyStoreTest, AlwaysHoldsUntilItIsTakenBack) {
  plan_->always(refuse(ErrorCode::busy));
  EXPECT_FALSE(insert(1));
  EXPECT_EQ(store_->open_boot().error().code, ErrorCode::busy);
  plan_->always(std::nullopt);
  EXPECT_TRUE(insert(1));
}

TEST_F(FaultyStoreTest, StoresWhatItSaysNothingOfAndIsDoneWith) {
  plan_->next(commit_then_time_out());
  EXPECT_EQ(insert(1).error().code, ErrorCode::timeout);
  EXPECT_TRUE(has(1));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(insert(2).error().code, ErrorCode::timeout);
  EXPECT_EQ(store_->open_boot().error().code, ErrorCode::timeout);
  EXPECT_EQ(store_->load_live([](const model::TaskRow&) {}).error().code, ErrorCode::timeout);
  EXPECT_FALSE(store_->reader());
  EXPECT_FALSE(has(2));
  open();
  EXPECT_TRUE(insert(2));
  EXPECT_EQ(plan_->opened(), 2);
}

TEST_F(FaultyStoreTest, WaitsBeforeItStores) {
  bool stored_already = true;
  plan_->next(delay([&] { stored_already = has(1); }));
  EXPECT_TRUE(insert(1));
  EXPECT_FALSE(stored_already);
  EXPECT_TRUE(has(1));
}

}  // namespace
}  // namespace kiln::store
