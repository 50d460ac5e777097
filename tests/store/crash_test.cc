// A process that is killed, and a log that is torn: what was acknowledged is there, and a batch is
// there whole or not at all.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <map>
#include <random>

#include "base/fd.h"
#include "store/store.h"
#include "tests/store/rows.h"

namespace kiln::store {
namespace {

constexpr int kRounds = 14;
constexpr uint64_t kRowsOfBatch = 7;

// Batch `number` (from 0): rows with seqs of its own, each with an event and a result.
model::Writes batch(uint64_t number) {
  model::Writes writes;
  for (uint64_t i = 1; i <= kRowsOfBatch; ++i) {
    model::TaskRow row = make_row(number * kRowsOfBatch + i);
    writes.emplace_back(insert_of(row, std::string(3'000, 'p')));
    writes.emplace_back(model::AddEvent{event_of(row.seq, "queued")});
    writes.emplace_back(model::PutResult{row.id, bytes_of("result")});
    row.version = number;
    writes.emplace_back(model::UpdateTask{row});
  }
  return writes;
}

// In the child: commits from batch `first` on and writes each number when it is acknowledged.
[[noreturn]] void commit_for_ever(const std::string& directory, uint64_t first, int fd) {
  auto store = open_sqlite_store(directory);
  if (!store || !(*store)->open_boot()) _exit(1);
  for (uint64_t number = first;; ++number) {
    if (!(*store)->commit(batch(number))) _exit(2);
    if (write(fd, &number, sizeof number) != sizeof number) _exit(3);
  }
}

// Starts a child, kills it after `acknowledged` batches, and returns the first number that was not
// acknowledged.
uint64_t commit_and_kill(const std::string& directory, uint64_t first, uint64_t acknowledged) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const pid_t child = fork();
  if (child == 0) commit_for_ever(directory, first, out.get());
  out.reset();
  uint64_t next = first;
  uint64_t number = 0;
  while (read(in.get(), &number, sizeof number) == sizeof number) {
    next = number + 1;
    if (next - first == acknowledged) kill(child, SIGKILL);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended with wait status " << status;
  return next;
}

// How many rows of each batch are stored; checks that a stored row has all that came with it.
std::map<uint64_t, uint64_t> stored_batches(const std::string& directory) {
  std::map<uint64_t, uint64_t> rows_of;
  auto store = open_sqlite_store(directory);
  EXPECT_TRUE(store) << (store ? "" : store.error().text());
  if (!store) return rows_of;
  auto reader = *(*store)->reader();
  EXPECT_TRUE((*store)->load_live([&](const model::TaskRow& row) {
    const uint64_t number = (row.seq - 1) / kRowsOfBatch;
    ++rows_of[number];
    EXPECT_EQ(row.version, number);
    EXPECT_EQ(reader->events(row.id)->size(), 1U);
    EXPECT_EQ(**reader->find_result(row.id), "result");
    EXPECT_EQ((*reader->find_program(row.id))->size(), 3'000U);
  }));
  return rows_of;
}

// Checks that the batches from 0 on are whole, without a gap; returns their count.
uint64_t whole_batches(const std::string& directory) {
  uint64_t expected = 0;
  for (const auto& [number, rows] : stored_batches(directory)) {
    EXPECT_EQ(number, expected++) << "a gap";
    EXPECT_EQ(rows, kRowsOfBatch) << "a part of batch " << number;
  }
  return expected;
}

TEST(CrashTest, AcknowledgedBatchesSurviveKill) {
  const TempDir directory;
  std::mt19937_64 random(20'261'125);
  uint64_t next = 0;
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t unacknowledged = commit_and_kill(directory.path(), next, 1 + random() % 40);
    next = whole_batches(directory.path());
    EXPECT_GE(next, unacknowledged) << "round " << round;
    EXPECT_LE(next, unacknowledged + 1) << "round " << round;
  }
}

TEST(CrashTest, ATornLogGivesABeginningOfTheBatches) {
  const TempDir directory;
  const uint64_t acknowledged = commit_and_kill(directory.path(), 0, 12);
  const std::string log = directory.database() + "-wal";
  const auto size = std::filesystem::file_size(log);
  ASSERT_GT(size, 0U);
  uint64_t before = 0;
  for (int step = 1; step <= 12; ++step) {
    const TempDir torn;
    std::filesystem::copy_file(directory.database(), torn.database());
    std::filesystem::copy_file(log, torn.database() + "-wal");
    std::filesystem::resize_file(torn.database() + "-wal",
                                 size * static_cast<uintmax_t>(step) / 12);
    const uint64_t whole = whole_batches(torn.path());
    EXPECT_GE(whole, before);
    before = whole;
  }
  EXPECT_GE(before, acknowledged);
}

}  // namespace
}  // namespace kiln::store
