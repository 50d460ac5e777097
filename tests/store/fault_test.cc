// Disks that are full and disks that fail.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "store/store.h"
#include "tests/store/child.h"
#include "tests/store/fault_vfs.h"
#include "tests/store/rows.h"

namespace kiln::store {
namespace {

using ::testing::HasSubstr;

constexpr size_t kDiskBytes = 3U << 20U;

Status insert(Store& store, uint64_t seq) {
  return store.commit({insert_of(make_row(seq), std::string(20'000, 'p'))});
}

// Commits until the disk refuses; returns the first seq that was refused, or 0 and why.
uint64_t fill_disk(Store& store, uint64_t seq, std::string& why) {
  for (; seq < 10'000; ++seq) {
    const Status done = insert(store, seq);
    if (done) continue;
    if (done.error().code == ErrorCode::busy) return seq;
    why = "not busy but " + done.error().text();
    return 0;
  }
  why = "the disk never filled";
  return 0;
}

std::string all_stored(Store& store, uint64_t below) {
  auto reader = store.reader();
  if (!reader) return "no reader: " + reader.error().text();
  for (uint64_t seq = 1; seq < below; ++seq) {
    const auto found = (*reader)->find_task(id_of(seq));
    if (!found || !*found) return "lost " + std::to_string(seq);
  }
  const auto refused = (*reader)->find_task(id_of(below));
  if (!refused || *refused) return "a refused task is stored";
  return "";
}

// A really full disk, in a child with a small file system of its own.
std::string full_disk_story(const std::string& directory) {
  if (std::string why = mount_private_tmpfs(directory, kDiskBytes); !why.empty()) return why;
  const std::string filler = directory + "/filler";
  { std::ofstream(filler) << std::string(kDiskBytes / 3, 'x'); }
  auto opened = open_sqlite_store(directory);
  if (!opened) return opened.error().text();
  auto store = *std::move(opened);
  std::string why;
  const uint64_t first_refused = fill_disk(*store, 1, why);
  if (first_refused < 2) return "at first: " + why;
  if (insert(*store, first_refused)) return "a full disk took a second try";
  if (why = all_stored(*store, first_refused); !why.empty()) return "while full: " + why;
  std::filesystem::remove(filler);
  const uint64_t refused_again = fill_disk(*store, first_refused, why);
  if (refused_again <= first_refused) return "after room was made: " + why;
  if (why = all_stored(*store, refused_again); !why.empty()) return "in the end: " + why;
  return "";
}

TEST(FullDiskTest, IsBusyAndGoesOnAfterRoomIsMade) {
  const TempDir directory;
  EXPECT_EQ(run_in_child([&] { return full_disk_story(directory.path()); }), "");
}

TEST(FullDiskTest, ANewStoreOnAFullDiskIsBusy) {
  const TempDir directory;
  const std::string said = run_in_child([&]() -> std::string {
    if (std::string why = mount_private_tmpfs(directory.path(), kDiskBytes); !why.empty())
      return why;
    { std::ofstream(directory.path() + "/filler") << std::string(kDiskBytes + 1, 'x'); }
    const auto store = open_sqlite_store(directory.path());
    return store ? "opened"
                 : std::string(to_string(store.error().code)) + " " + store.error().text();
  });
  EXPECT_THAT(said, ::testing::StartsWith("busy "));
  EXPECT_THAT(said, HasSubstr("Make room"));
}

class FailingDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    heal();
    open();
    ASSERT_TRUE(insert(*store_, 1));
  }
  void TearDown() override {
    store_.reset();
    heal();
  }
  void heal() {
    faults_.fail_log_syncs = false;
    faults_.fail_log_writes = false;
    faults_.fail_database_syncs = false;
  }
  void open() {
    auto store = open_sqlite_store(directory_.path());
    ASSERT_TRUE(store) << store.error().text();
    store_ = *std::move(store);
  }
  void expect_failed() {
    EXPECT_EQ(store_->commit({}).error().code, ErrorCode::io_error);
    EXPECT_EQ(store_->open_boot().error().code, ErrorCode::io_error);
    EXPECT_EQ(store_->load_live([](const model::TaskRow&) {}).error().code, ErrorCode::io_error);
    EXPECT_EQ(store_->reader().error().code, ErrorCode::io_error);
  }
  // Closed and opened, the store has row 1 and takes another.
  void expect_good_when_opened_again() {
    store_.reset();
    heal();
    open();
    EXPECT_TRUE(*(*store_->reader())->find_task(id_of(1)));
    EXPECT_TRUE(insert(*store_, 5'000));
  }

  FileFaults& faults_ = file_faults();
  TempDir directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(FailingDiskTest, AFailedSyncOfTheLogEndsTheStore) {
  faults_.fail_log_syncs = true;
  EXPECT_EQ(insert(*store_, 2).error().code, ErrorCode::io_error);
  heal();  // a later success would prove nothing
  expect_failed();
  expect_good_when_opened_again();
}

TEST_F(FailingDiskTest, AFailedWriteEndsTheStore) {
  faults_.fail_log_writes = true;
  EXPECT_EQ(insert(*store_, 2).error().code, ErrorCode::io_error);
  heal();
  expect_failed();
  expect_good_when_opened_again();
}

// The batch before the checkpoint is durable in the log; only what comes after it is refused.
TEST_F(FailingDiskTest, AFailedCheckpointEndsTheStoreAfterTheCommit) {
  faults_.fail_database_syncs = true;
  uint64_t seq = 2;
  while (seq < 500 && insert(*store_, seq)) ++seq;
  ASSERT_LT(seq, 500U);
  heal();
  expect_failed();
  expect_good_when_opened_again();
  EXPECT_TRUE(*(*store_->reader())->find_task(id_of(seq - 1)));
  EXPECT_FALSE(*(*store_->reader())->find_task(id_of(seq)));
}

TEST_F(FailingDiskTest, EveryCommitIsWrittenAndSynced) {
  for (const model::Writes& writes :
       {model::Writes{insert_of(make_row(2))}, model::Writes{model::UpdateTask{[] {
          model::TaskRow row = make_row(1);
          row.version = 7;
          return row;
        }()}},
        model::Writes{}, model::Writes{}}) {
    const int writes_before = faults_.writes;
    const int syncs_before = faults_.syncs;
    ASSERT_TRUE(store_->commit(writes));
    EXPECT_GT(faults_.writes, writes_before);
    EXPECT_GT(faults_.syncs, syncs_before);
  }
}

}  // namespace
}  // namespace kiln::store
