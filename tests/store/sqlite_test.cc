// The SQLite store's files: they last, keep others out, and are refused when they cannot be right.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "store/migrations.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_rows.h"
#include "store/store.h"
#include "tests/store/child.h"
#include "tests/store/rows.h"

namespace kiln::store {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr uid_t kNobody = 65'534;

class SqliteStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<Store> open() {
    auto store = open_sqlite_store(directory_.path());
    if (!store) ADD_FAILURE() << store.error().text();
    return store ? *std::move(store) : nullptr;
  }
  Error refusal() {
    auto store = open_sqlite_store(directory_.path());
    EXPECT_FALSE(store) << "the store opened";
    return store ? Error{} : store.error();
  }
  // A closed store with `rows` tasks; some pages beside the first.
  void fill(uint64_t rows) {
    const auto store = open();
    model::Writes writes;
    for (uint64_t seq = 1; seq <= rows; ++seq) writes.emplace_back(insert_of(make_row(seq)));
    ASSERT_TRUE(store->commit(writes));
  }
  void exec(const std::string& sql) {
    SQLite::Database database(directory_.database(), SQLite::OPEN_READWRITE);
    database.exec(sql);
  }
  void overwrite(std::streamoff at, const std::string& bytes) {
    std::fstream file(directory_.database(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(at);
    file << bytes;
    ASSERT_TRUE(file.good());
  }
  std::string plan(const std::string& sql) {
    SQLite::Database database(directory_.database());
    SQLite::Statement statement(database, "EXPLAIN QUERY PLAN " + sql);
    std::string out;
    while (statement.executeStep()) out += statement.getColumn(3).getString() + "\n";
    return out;
  }

  TempDir directory_;
};

TEST_F(SqliteStoreTest, WhatIsCommittedLastsOverClosing) {
  const model::TaskEvent event = event_of(1, "queued");
  model::TaskRow row = full_row(1);
  row.result_of = std::nullopt;
  {
    const auto store = open();
    EXPECT_EQ(store->open_boot()->boot, 1U);
    ASSERT_TRUE(store->commit({insert_of(row, std::string("p\0q", 3)),
                               model::PutResult{id_of(1), bytes_of("r")}, model::AddEvent{event}}));
  }
  const auto store = open();
  const Boot boot = *store->open_boot();
  EXPECT_EQ(boot.boot, 2U);
  EXPECT_EQ(boot.last_seq, 1U);
  const auto reader = *store->reader();
  EXPECT_EQ(*reader->find_task(id_of(1)), row);
  EXPECT_EQ(**reader->find_program(id_of(1)), std::string("p\0q", 3));
  EXPECT_EQ(**reader->find_result(id_of(1)), "r");
  EXPECT_EQ(reader->events(id_of(1))->at(0), event);
}

TEST_F(SqliteStoreTest, TheFilesAreForTheirOwnerOnly) {
  const auto store = open();
  ASSERT_TRUE(store->open_boot());
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    struct stat info {};
    ASSERT_EQ(stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 4U);  // kiln.db, its log and the log's index, lock
}

TEST_F(SqliteStoreTest, ASecondOneIsRefusedWhileTheFirstIsOpen) {
  auto store = open();
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::busy);
  EXPECT_THAT(error.text(), HasSubstr("process " + std::to_string(getpid())));
  EXPECT_THAT(run_in_child([&] {
                const auto second = open_sqlite_store(directory_.path());
                return second ? "opened" : std::string(to_string(second.error().code));
              }),
              "busy");
  store.reset();
  EXPECT_NE(open(), nullptr);
}

TEST_F(SqliteStoreTest, AMissingDirectoryIsOneClearError) {
  const auto store = open_sqlite_store(directory_.path() + "/none");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::io_error);
  EXPECT_THAT(store.error().text(), HasSubstr("No such file or directory"));
  EXPECT_NE(store.error().hint, "");
  EXPECT_THAT(store.error().text(), Not(HasSubstr("\n")));
}

TEST_F(SqliteStoreTest, AnUnwritableDirectoryIsOneClearError) {
  ASSERT_EQ(chmod(directory_.path().c_str(), 0555), 0);
  const std::string said = run_in_child([&]() -> std::string {
    if (geteuid() == 0 && setuid(kNobody) != 0) return "setuid failed";
    const auto store = open_sqlite_store(directory_.path());
    return store ? "opened"
                 : std::string(to_string(store.error().code)) + " " + store.error().text();
  });
  EXPECT_THAT(said, HasSubstr("io_error cannot open " + directory_.path() + "/lock"));
  EXPECT_THAT(said, HasSubstr("Permission denied. The data directory must"));
  EXPECT_THAT(said, Not(HasSubstr("\n")));
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
}

TEST_F(SqliteStoreTest, ANewerSchemaIsRefusedAndLeftAlone) {
  fill(3);
  const auto newest = std::to_string(migrations().size());
  exec("PRAGMA user_version = 4711");
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::corrupt);
  EXPECT_THAT(error.message, HasSubstr("version 4711"));
  EXPECT_THAT(error.message, HasSubstr("up to " + newest));
  exec("PRAGMA user_version = " + newest);
  EXPECT_EQ((*open()->reader())->list({})->size(), 3U);
}

TEST_F(SqliteStoreTest, AnotherProgramsDatabaseIsRefused) {
  {
    SQLite::Database database(directory_.database(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec("CREATE TABLE photos (name TEXT)");
  }
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::corrupt);
  EXPECT_THAT(error.message, HasSubstr("another program"));
}

TEST_F(SqliteStoreTest, ADamagedHeaderIsCorrupt) {
  fill(3);
  overwrite(0, std::string(16, '\x5A'));
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::corrupt);
  EXPECT_THAT(error.cause, HasSubstr("not a database"));
  EXPECT_NE(error.hint, "");
}

TEST_F(SqliteStoreTest, ATruncatedFileIsCorrupt) {
  fill(200);
  std::filesystem::resize_file(directory_.database(), 3 * 4096);
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::corrupt);
  EXPECT_THAT(error.cause, HasSubstr("malformed"));
}

TEST_F(SqliteStoreTest, DamagedPagesAreCorruptNotWrong) {
  fill(500);
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(directory_.database()));
  for (std::streamoff at = 4096; at < size; at += 4096) overwrite(at, std::string(64, '\xA5'));
  auto store = open_sqlite_store(directory_.path());
  Error error;
  if (!store) {
    error = store.error();
  } else {
    const Status loaded = (*store)->load_live([](const model::TaskRow&) {});
    ASSERT_FALSE(loaded);
    error = loaded.error();
    EXPECT_EQ((*store)->commit({}).error(), error);  // and nothing more is done with it
  }
  EXPECT_EQ(error.code, ErrorCode::corrupt) << error.text();
}

TEST_F(SqliteStoreTest, AValueThatCannotBeIsCorruptAndNamed) {
  fill(3);
  const std::vector<std::pair<std::string, std::string>> damage = {
      {"verdict", "'maybe'"}, {"code_hash", "x'00'"}, {"attempt", "-1"}, {"wait", "2"}};
  for (const auto& [column, value] : damage) {
    exec("UPDATE tasks SET " + column + " = " + value + " WHERE seq = 2");
    const auto store = open();
    const auto found = (*store->reader())->find_task(id_of(2));
    ASSERT_FALSE(found) << column;
    EXPECT_EQ(found.error().code, ErrorCode::corrupt);
    EXPECT_THAT(found.error().message, HasSubstr("seq 2 has a bad value in " + column));
    ASSERT_TRUE(store->commit({model::UpdateTask{make_row(2)}}));
  }
}

// Bit i sets condition i.
ListFilter filter_of(unsigned mask) {
  ListFilter filter;
  if ((mask & 1U) != 0) filter.tenant = "t";
  if ((mask & 2U) != 0) filter.queue = "q";
  if ((mask & 4U) != 0) filter.state = model::TaskState::dead;
  if ((mask & 8U) != 0) filter.before_seq = 5;
  if ((mask & 16U) != 0) filter.verdict = model::Verdict::signaled;
  filter.not_requeued = (mask & 32U) != 0;
  return filter;
}

TEST_F(SqliteStoreTest, QueriesUseTheirIndexes) {
  fill(1);
  EXPECT_THAT(plan(select_live_sql()), HasSubstr("USING INDEX tasks_by_state"));
  EXPECT_THAT(plan(select_live_sql()), Not(HasSubstr("TEMP B-TREE")));
  EXPECT_THAT(plan(select_cached_sql()), HasSubstr("USING INDEX tasks_by_end (state=? AND"));
  EXPECT_THAT(plan(select_cached_sql()), Not(HasSubstr("TEMP B-TREE")));
  for (unsigned mask = 0; mask < 64; ++mask) {
    const std::string sql = list_sql(filter_of(mask));
    EXPECT_THAT(plan(sql), Not(HasSubstr("TEMP B-TREE"))) << sql;
    if ((mask & 7U) == 0) continue;
    EXPECT_THAT(plan(sql), HasSubstr("USING INDEX tasks_by_")) << sql;
  }
}

// A file as the first version left it, with a task that has a result and one that has none.
void write_first_version(const std::string& path) {
  SQLite::Database database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec(std::string(migrations()[0].sql));
  database.exec("PRAGMA application_id = 0x4B494C4E; PRAGMA user_version = 1");
  for (const std::string seq : {"1", "2"}) {
    const std::string text = "'default', 'default', 3, 5, 'python', 'succeeded', 'ok', 1, 0, 0, 3,";
    database.exec("INSERT INTO tasks VALUES (" + seq + ", randomblob(16), " + text +
                  " 7, 0, 1, 1, 2, 'w', 10, NULL, 11, 12, NULL, zeroblob(32), zeroblob(32)," +
                  " zeroblob(32), NULL, NULL, NULL, '', 0)");
  }
  database.exec("INSERT INTO results VALUES (1, x'0102030405')");
}

TEST_F(SqliteStoreTest, AFileOfTheFirstVersionIsBroughtForward) {
  write_first_version(directory_.database());
  const auto store = open();
  const auto rows = *(*store->reader())->list({});
  ASSERT_EQ(rows.size(), 2U);
  for (const model::TaskRow& row : rows) {
    EXPECT_EQ(row.retry_delay_ms, model::kDefaultRetryDelayMs);
    EXPECT_FALSE(row.full_jitter);
    EXPECT_EQ(row.result_of, std::nullopt);
    EXPECT_EQ(row.result_bytes, row.seq == 1 ? 5U : 0U);
  }
  std::vector<uint64_t> cached;
  ASSERT_TRUE(store->load_cached(wall_from_micros(0), 9,
                                 [&](const model::TaskRow& row) { cached.push_back(row.seq); }));
  EXPECT_THAT(cached, ::testing::ElementsAre(1));
}

TEST(MigrationsTest, AreNumberedFromOne) {
  ASSERT_FALSE(migrations().empty());
  EXPECT_TRUE(migrations()[0].name.starts_with("0001_"));
  EXPECT_THAT(std::string(migrations()[0].sql), HasSubstr("CREATE TABLE tasks"));
}

}  // namespace
}  // namespace kiln::store
