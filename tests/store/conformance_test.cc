// What every store must do, run on each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "tests/store/kinds.h"

namespace kiln::store {
namespace {

using model::AddEvent;
using model::DeleteTask;
using model::PutQueue;
using model::PutResult;
using model::TaskRow;
using model::TaskState;
using model::UpdateTask;
using model::Writes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class StoreTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    store_ = GetParam().open(directory_);
    ASSERT_NE(store_, nullptr);
    ASSERT_TRUE(store_->open_boot());
    auto reader = store_->reader();
    ASSERT_TRUE(reader);
    reader_ = *std::move(reader);
  }

  void commit(const Writes& writes) {
    const Status done = store_->commit(writes);
    ASSERT_TRUE(done) << done.error().text();
  }
  // The code of the refusal; fails the test if there is none.
  ErrorCode refusal(const Writes& writes) {
    const Status done = store_->commit(writes);
    EXPECT_FALSE(done);
    return done ? ErrorCode::unavailable : done.error().code;
  }
  std::optional<TaskRow> find(uint64_t seq) { return *reader_->find_task(id_of(seq)); }
  std::string program(uint64_t seq) { return shown(*reader_->find_program(id_of(seq))); }
  std::string result(uint64_t seq) { return shown(*reader_->find_result(id_of(seq))); }
  std::vector<std::string> notes(uint64_t seq) {
    std::vector<std::string> out;
    const auto events = reader_->events(id_of(seq));
    for (const auto& event : *events) out.push_back(event.note);
    return out;
  }
  std::vector<uint64_t> listed(const ListFilter& filter) {
    std::vector<uint64_t> out;
    const auto rows = reader_->list(filter);
    for (const TaskRow& row : *rows) out.push_back(row.seq);
    return out;
  }
  std::vector<uint64_t> live() {
    std::vector<uint64_t> out;
    EXPECT_TRUE(store_->load_live([&](const TaskRow& row) { out.push_back(row.seq); }));
    return out;
  }
  std::vector<model::QueueSettings> queues() {
    std::vector<model::QueueSettings> out;
    EXPECT_TRUE(store_->load_queues(
        [&](model::QueueSettings settings) { out.push_back(std::move(settings)); }));
    return out;
  }
  std::vector<uint64_t> cached(int64_t since, size_t limit) {
    std::vector<uint64_t> out;
    EXPECT_TRUE(store_->load_cached(wall_from_micros(since), limit,
                                    [&](const TaskRow& row) { out.push_back(row.seq); }));
    return out;
  }
  static std::string shown(const model::Bytes& bytes) { return bytes ? *bytes : "(none)"; }

  TempDir directory_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Reader> reader_;
};

TEST_P(StoreTest, AnEmptyStoreHasNothing) {
  EXPECT_EQ(find(1), std::nullopt);
  EXPECT_EQ(program(1), "(none)");
  EXPECT_EQ(result(1), "(none)");
  EXPECT_THAT(notes(1), IsEmpty());
  EXPECT_THAT(listed({}), IsEmpty());
  EXPECT_THAT(live(), IsEmpty());
  EXPECT_TRUE(store_->commit({}));
}

TEST_P(StoreTest, TheBootNumberGrowsAndTheLastSeqIsKept) {
  const Boot second = *store_->open_boot();
  EXPECT_EQ(second.boot, 2U);
  EXPECT_EQ(second.last_seq, 0U);
  commit({insert_of(make_row(9)), insert_of(make_row(4))});
  commit({DeleteTask{id_of(9)}});
  const Boot third = *store_->open_boot();
  EXPECT_EQ(third.boot, 3U);
  EXPECT_EQ(third.last_seq, 9U);
}

TEST_P(StoreTest, EveryFieldComesBack) {
  const TaskRow plain = make_row(1);
  const TaskRow full = full_row(2);
  commit({insert_of(plain), insert_of(full)});
  EXPECT_EQ(find(1), plain);
  EXPECT_EQ(find(2), full);
  EXPECT_EQ(reader_->list({})->front(), full);
  std::vector<TaskRow> rows;
  ASSERT_TRUE(store_->load_live([&](TaskRow row) { rows.push_back(std::move(row)); }));
  EXPECT_THAT(rows, ElementsAre(plain, full));
}

TEST_P(StoreTest, AnUpdateReplacesEveryField) {
  commit({insert_of(make_row(1)), insert_of(full_row(2))});
  const TaskRow was_full = make_row(2);
  commit({UpdateTask{full_row(1)}, UpdateTask{was_full}});
  EXPECT_EQ(find(1), full_row(1));
  EXPECT_EQ(find(2), was_full);
}

TEST_P(StoreTest, EveryStateAndVerdictComesBack) {
  for (size_t i = 0; i < model::kTaskStateCount; ++i) {
    commit({insert_of(make_row(i + 1, static_cast<TaskState>(i)))});
    EXPECT_EQ(find(i + 1)->state, static_cast<TaskState>(i));
  }
  for (size_t i = 0; i < model::kVerdictCount; ++i) {
    TaskRow row = make_row(1);
    row.verdict = static_cast<model::Verdict>(i);
    commit({UpdateTask{row}});
    EXPECT_EQ(find(1)->verdict, row.verdict);
  }
}

TEST_P(StoreTest, EmptyStringsAndTheHighestSeq) {
  TaskRow row;
  row.id = id_of(1);
  row.seq = kMaxSeq;
  commit({insert_of(row, "")});
  EXPECT_EQ(find(1), row);
  EXPECT_EQ(program(1), "");
  ListFilter above;
  above.before_seq = std::numeric_limits<uint64_t>::max();
  EXPECT_THAT(listed(above), ElementsAre(kMaxSeq));
}

TEST_P(StoreTest, ProgramsAndResultsAreAnyBytes) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes.push_back(static_cast<char>(i));
  commit({insert_of(make_row(1), bytes), PutResult{id_of(1), bytes_of(bytes + "r")},
          model::InsertTask{make_row(2), nullptr}});
  EXPECT_EQ(program(1), bytes);
  EXPECT_EQ(result(1), bytes + "r");
  EXPECT_EQ(program(2), "(none)");
  commit({PutResult{id_of(1), bytes_of("")}});
  EXPECT_EQ(result(1), "");
}

TEST_P(StoreTest, EventsKeepTheirOrderAndFields) {
  model::TaskEvent event{
      id_of(1),   wall_from_micros(-3), TaskState::dead, 4, model::Verdict::memory_limit,
      "worker 1", "n\xC3\xB6te"};
  commit({insert_of(make_row(1)), insert_of(make_row(2)), AddEvent{event_of(1, "a")},
          AddEvent{event_of(2, "other")}, AddEvent{event_of(1, "b")}});
  commit({AddEvent{event}});
  EXPECT_THAT(notes(1), ElementsAre("a", "b", event.note));
  EXPECT_EQ(reader_->events(id_of(1))->back(), event);
  EXPECT_THAT(notes(2), ElementsAre("other"));
}

TEST_P(StoreTest, WritesOfABatchApplyInOrder) {
  TaskRow changed = make_row(1);
  changed.version = 2;
  TaskRow changed_again = changed;
  changed_again.version = 3;
  commit({insert_of(make_row(1), "old"), AddEvent{event_of(1, "old")}, DeleteTask{id_of(1)},
          insert_of(make_row(1), "new"), UpdateTask{changed}, PutResult{id_of(1), bytes_of("r1")},
          PutResult{id_of(1), bytes_of("r2")}, AddEvent{event_of(1, "new")},
          UpdateTask{changed_again}});
  EXPECT_EQ(find(1), changed_again);
  EXPECT_EQ(program(1), "new");
  EXPECT_EQ(result(1), "r2");
  EXPECT_THAT(notes(1), ElementsAre("new"));
}

TEST_P(StoreTest, DeletingTakesEverything) {
  commit({insert_of(make_row(1)), PutResult{id_of(1), bytes_of("r")}, AddEvent{event_of(1, "e")},
          insert_of(make_row(2))});
  commit({DeleteTask{id_of(1)}, DeleteTask{id_of(77)}});
  EXPECT_EQ(find(1), std::nullopt);
  EXPECT_EQ(program(1), "(none)");
  EXPECT_EQ(result(1), "(none)");
  EXPECT_THAT(notes(1), IsEmpty());
  EXPECT_THAT(listed({}), ElementsAre(2));
  // What was there does not come back with a new task of the same id and seq.
  commit({model::InsertTask{make_row(1), nullptr}});
  EXPECT_EQ(program(1), "(none)");
  EXPECT_EQ(result(1), "(none)");
  EXPECT_THAT(notes(1), IsEmpty());
}

// A batch that does something of each kind to the stored task 1, and then `last`.
Writes spoiled(const model::Write& last) {
  TaskRow changed = make_row(1, TaskState::succeeded);
  changed.version = 9;
  return {insert_of(make_row(50)),
          UpdateTask{changed},
          PutResult{id_of(1), bytes_of("spoiled")},
          AddEvent{event_of(1, "spoiled")},
          DeleteTask{id_of(2)},
          PutQueue{{"default", true, {}, {}, {}, {}}},
          last};
}

TEST_P(StoreTest, ARefusedBatchLeavesNothing) {
  commit({insert_of(make_row(1)), PutResult{id_of(1), bytes_of("good")},
          AddEvent{event_of(1, "good")}, insert_of(make_row(2), "two")});
  TaskRow moved = make_row(1);
  moved.queue = "elsewhere";
  TaskRow same_seq = make_row(1);
  same_seq.id = id_of(60);
  const std::vector<std::pair<model::Write, ErrorCode>> refused = {
      {insert_of(make_row(1)), ErrorCode::conflict},
      {insert_of(make_row(50)), ErrorCode::conflict},
      {insert_of(same_seq), ErrorCode::internal},
      {insert_of(make_row(0)), ErrorCode::internal},
      {insert_of(make_row(kMaxSeq + 1)), ErrorCode::internal},
      {UpdateTask{make_row(2)}, ErrorCode::internal},
      {UpdateTask{make_row(99)}, ErrorCode::internal},
      {UpdateTask{moved}, ErrorCode::internal},
      {PutResult{id_of(99), bytes_of("r")}, ErrorCode::internal},
      {PutResult{id_of(1), nullptr}, ErrorCode::internal},
      {AddEvent{event_of(99, "e")}, ErrorCode::internal},
  };
  for (const auto& [last, code] : refused) {
    EXPECT_EQ(refusal(spoiled(last)), code) << "write kind " << last.index();
    EXPECT_EQ(find(1), make_row(1));
    EXPECT_EQ(result(1), "good");
    EXPECT_THAT(notes(1), ElementsAre("good"));
    EXPECT_EQ(program(2), "two");
    EXPECT_THAT(listed({}), ElementsAre(2, 1));
    EXPECT_THAT(live(), ElementsAre(1, 2));
    EXPECT_THAT(queues(), IsEmpty());
  }
  EXPECT_EQ(store_->open_boot()->last_seq, 2U);
  commit({insert_of(make_row(3))});  // and the store goes on
  EXPECT_THAT(listed({}), ElementsAre(3, 2, 1));
}

TEST_P(StoreTest, AConflictNamesTheTask) {
  commit({insert_of(make_row(1))});
  TaskRow other_seq = make_row(1);
  other_seq.seq = 5;
  const Status done = store_->commit({insert_of(other_seq)});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::conflict);
  EXPECT_THAT(done.error().message, ::testing::HasSubstr(to_string(id_of(1))));
}

TEST_P(StoreTest, AValueThatIsTooLargeIsRefused) {
  const auto large = std::make_shared<const std::string>(kMaxValueBytes + 1, 'x');
  EXPECT_EQ(refusal({model::InsertTask{make_row(1), large}}), ErrorCode::too_large);
  commit({insert_of(make_row(1))});
  EXPECT_EQ(refusal({PutResult{id_of(1), large}}), ErrorCode::too_large);
}

TEST_P(StoreTest, LiveRowsComeBySeqWithoutTheTerminalOnes) {
  Writes writes;
  for (uint64_t seq = 40; seq >= 1; --seq) {
    writes.emplace_back(
        insert_of(make_row(seq, static_cast<TaskState>(seq % model::kTaskStateCount))));
  }
  commit(writes);
  std::vector<uint64_t> expected;
  for (uint64_t seq = 1; seq <= 40; ++seq) {
    if (seq % model::kTaskStateCount < 5) expected.push_back(seq);
  }
  EXPECT_EQ(live(), expected);
}

TEST_P(StoreTest, ListsFilterAndPage) {
  Writes writes;
  for (uint64_t seq = 1; seq <= 12; ++seq) {
    TaskRow row = make_row(seq, seq % 2 == 0 ? TaskState::dead : TaskState::queued);
    row.tenant = seq <= 6 ? "a" : "b";
    row.queue = seq % 3 == 0 ? "slow" : "fast";
    writes.emplace_back(insert_of(row));
  }
  commit(writes);
  ListFilter filter;
  filter.limit = 5;
  EXPECT_THAT(listed(filter), ElementsAre(12, 11, 10, 9, 8));
  filter.before_seq = 8;
  EXPECT_THAT(listed(filter), ElementsAre(7, 6, 5, 4, 3));
  filter.tenant = "a";
  EXPECT_THAT(listed(filter), ElementsAre(6, 5, 4, 3, 2));
  filter.queue = "fast";
  EXPECT_THAT(listed(filter), ElementsAre(5, 4, 2, 1));
  filter.state = TaskState::dead;
  EXPECT_THAT(listed(filter), ElementsAre(4, 2));
  filter.tenant = "";
  filter.before_seq = std::nullopt;
  EXPECT_THAT(listed(filter), ElementsAre(10, 8, 4, 2));
  filter.queue = "none";
  EXPECT_THAT(listed(filter), IsEmpty());
  filter = ListFilter{};
  filter.limit = 0;
  EXPECT_THAT(listed(filter), IsEmpty());
  filter.limit = 100;
  filter.before_seq = 1;
  EXPECT_THAT(listed(filter), IsEmpty());
}

TEST_P(StoreTest, ListsOfDeadLettersFilterByVerdictAndRequeue) {
  Writes writes;
  for (uint64_t seq = 1; seq <= 8; ++seq) {
    TaskRow row = make_row(seq, TaskState::dead);
    row.verdict = seq % 2 == 0 ? model::Verdict::memory_limit : model::Verdict::wall_timeout;
    if (seq % 4 < 2) row.requeued_as = id_of(100 + seq);
    writes.emplace_back(insert_of(row));
  }
  commit(writes);
  ListFilter filter;
  filter.verdict = model::Verdict::memory_limit;
  EXPECT_THAT(listed(filter), ElementsAre(8, 6, 4, 2));
  filter.not_requeued = true;
  EXPECT_THAT(listed(filter), ElementsAre(6, 2));
  filter.verdict = std::nullopt;
  filter.state = TaskState::dead;
  EXPECT_THAT(listed(filter), ElementsAre(7, 6, 3, 2));
  filter.queue = "default";
  filter.before_seq = 7;
  EXPECT_THAT(listed(filter), ElementsAre(6, 3, 2));
}

TEST_P(StoreTest, DeadLettersAreCountedByQueueWithoutThoseRequeued) {
  EXPECT_THAT(*store_->count_dead(), IsEmpty());
  Writes writes;
  for (uint64_t seq = 1; seq <= 6; ++seq) {
    TaskRow row = make_row(seq, seq == 6 ? TaskState::failed : TaskState::dead);
    row.queue = seq <= 2 ? "a" : "b";
    if (seq == 4) row.requeued_as = id_of(50);
    writes.emplace_back(insert_of(row));
  }
  commit(writes);
  EXPECT_THAT(*store_->count_dead(), ElementsAre(Pair("a", 2), Pair("b", 2)));
}

TEST_P(StoreTest, QueueSettingsAreReplacedAndComeBack) {
  EXPECT_THAT(queues(), IsEmpty());
  const model::QueueSettings full{"slow", true, 7, 0x80000001U, 600'000, true};
  const model::QueueSettings bare{"fast", false, {}, {}, {}, {}};
  commit({PutQueue{full}, PutQueue{{"fast", true, 1, 2, 3, false}}, PutQueue{bare}});
  EXPECT_THAT(queues(), ElementsAre(bare, full));
  commit({PutQueue{{"slow", false, {}, {}, {}, {}}}});
  EXPECT_EQ(queues().at(1), (model::QueueSettings{"slow", false, {}, {}, {}, {}}));
}

TEST_P(StoreTest, AResultIsReadThroughTheTaskThatHasIt) {
  TaskRow joined = make_row(2, TaskState::succeeded);
  joined.result_of = id_of(1);
  TaskRow dangling = make_row(3, TaskState::succeeded);
  dangling.result_of = id_of(99);
  commit({insert_of(make_row(1)), PutResult{id_of(1), bytes_of("shared")}, insert_of(joined),
          insert_of(dangling), PutResult{id_of(3), bytes_of("hidden")}});
  EXPECT_EQ(result(2), "shared");
  EXPECT_EQ(result(3), "(none)");
}

TEST_P(StoreTest, ADeletedTasksResultGoesToTheOldestThatSharesIt) {
  TaskRow owner = make_row(1, TaskState::succeeded);
  owner.result_bytes = 6;
  Writes writes = {insert_of(owner), PutResult{id_of(1), bytes_of("shared")}};
  for (uint64_t seq = 4; seq >= 2; --seq) {
    TaskRow row = make_row(seq, TaskState::succeeded);
    row.result_of = id_of(1);
    writes.emplace_back(insert_of(row));
  }
  writes.emplace_back(insert_of(make_row(5)));
  commit(writes);
  commit({DeleteTask{id_of(1)}});
  TaskRow heir = make_row(2, TaskState::succeeded);
  heir.result_bytes = 6;
  EXPECT_EQ(find(2), heir);
  EXPECT_EQ(find(4)->result_of, id_of(2));
  EXPECT_EQ(find(5), make_row(5));
  for (const uint64_t seq : {2, 3, 4}) EXPECT_EQ(result(seq), "shared") << seq;
  commit({DeleteTask{id_of(3)}, DeleteTask{id_of(2)}});
  EXPECT_EQ(find(4)->result_of, std::nullopt);
  EXPECT_EQ(result(4), "shared");
  EXPECT_EQ(result(5), "(none)");
}

TEST_P(StoreTest, TheCacheStartsFromTheNewestOwnResults) {
  Writes writes;
  const auto add = [&](uint64_t seq, int64_t finished_at, auto change) {
    TaskRow row = make_row(seq, TaskState::succeeded);
    row.finished_at = wall_from_micros(finished_at);
    change(row);
    writes.emplace_back(insert_of(row));
    writes.emplace_back(PutResult{row.id, bytes_of("r")});
  };
  const auto same = [](TaskRow&) {};
  add(1, 900, same);
  add(2, 100, same);  // too old
  add(3, 500, same);
  add(4, 800, [](TaskRow& row) { row.cache = false; });
  add(5, 800, [](TaskRow& row) { row.state = TaskState::failed; });
  add(6, 800, [](TaskRow& row) { row.result_of = id_of(1); });
  add(7, 800, [](TaskRow& row) { row.finished_at.reset(); });
  add(8, 200, same);
  writes.emplace_back(insert_of(make_row(9, TaskState::succeeded)));  // has no result
  add(10, 500, same);
  commit(writes);
  EXPECT_THAT(cached(200, 9), ElementsAre(8, 3, 10, 1));
  EXPECT_THAT(cached(200, 2), ElementsAre(10, 1));
  EXPECT_THAT(cached(901, 9), IsEmpty());
  EXPECT_THAT(cached(200, 0), IsEmpty());
}

TEST_P(StoreTest, AListIsBounded) {
  Writes writes;
  for (uint64_t seq = 1; seq <= kMaxListRows + 5; ++seq)
    writes.emplace_back(insert_of(make_row(seq)));
  commit(writes);
  ListFilter filter;
  filter.limit = kMaxListRows + 5;
  const auto rows = listed(filter);
  EXPECT_EQ(rows.size(), kMaxListRows);
  EXPECT_EQ(rows.front(), kMaxListRows + 5);
}

TEST_P(StoreTest, AReaderOnAnotherThreadSeesWholeBatchesOnly) {
  constexpr uint64_t kBatches = 50;
  constexpr uint64_t kRows = 5;
  std::atomic<uint64_t> committed{0};
  std::atomic<bool> writing{true};
  auto other = store_->reader();
  ASSERT_TRUE(other);
  std::string fault;
  std::thread thread([&, reader = *std::move(other)] {
    while (writing.load() && fault.empty()) {
      const uint64_t known = committed.load();
      ListFilter filter;
      filter.limit = kMaxListRows;
      const auto rows = reader->list(filter);
      if (!rows) {
        fault = rows.error().text();
      } else if (rows->size() % kRows != 0) {
        fault = "a part of a batch is seen";
      } else if (rows->size() < known * kRows) {
        fault = "a committed batch is not seen";
      }
    }
  });
  for (uint64_t batch = 0; batch < kBatches; ++batch) {
    Writes writes;
    for (uint64_t i = 1; i <= kRows; ++i)
      writes.emplace_back(insert_of(make_row(batch * kRows + i)));
    EXPECT_TRUE(store_->commit(writes));
    committed.fetch_add(1);
  }
  writing = false;
  thread.join();
  EXPECT_EQ(fault, "");
}

TEST_P(StoreTest, ReadsTogetherSeeWhatIsCommittedBeforeThem) {
  for (const uint64_t seq : {1, 2}) {
    commit({insert_of(make_row(seq))});
    const ReadTogether reads(*reader_);
    EXPECT_TRUE(find(seq));
    EXPECT_TRUE(find(seq));
  }
  { const ReadTogether none(*reader_); }
  commit({insert_of(make_row(3))});
  EXPECT_TRUE(find(3)) << "it holds on to nothing";
}

TEST_P(StoreTest, AReaderOutlivesItsStore) {
  commit({insert_of(make_row(1), "p")});
  store_.reset();
  EXPECT_EQ(find(1), make_row(1));
  EXPECT_EQ(program(1), "p");
}

INSTANTIATE_TEST_SUITE_P(All, StoreTest, ::testing::ValuesIn(all_kinds()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace kiln::store
