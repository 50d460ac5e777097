// Each kind of finding, each from a task that is good but for one thing.
#include "model/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::model {
namespace {

using enum TaskState;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TaskId id_of(uint8_t number) {
  TaskId id;
  id.bytes[15] = number;
  return id;
}

TaskEvent line(TaskState state, uint32_t attempt, Verdict verdict = Verdict::none) {
  TaskEvent event;
  event.id = id_of(1);
  event.state = state;
  event.attempt = attempt;
  event.verdict = verdict;
  return event;
}

StoredTask waiting() {
  StoredTask task;
  task.row.id = id_of(1);
  task.row.seq = 1;
  task.has_program = true;
  return task;
}

StoredTask running_task() {
  StoredTask task = waiting();
  task.row.state = running;
  task.row.attempt = 1;
  task.row.epoch = Epoch{1, 1};
  return task;
}

StoredTask ended(TaskState state, Verdict verdict) {
  StoredTask task = running_task();
  task.row.state = state;
  task.row.verdict = verdict;
  task.row.result_bytes = 7;
  task.result_bytes = 7;
  task.events = {line(state, 1, verdict)};
  return task;
}

StoredTask joined_task() {
  StoredTask task = waiting();
  task.row.state = joined;
  task.row.leader = id_of(2);
  task.leader_state = running;
  return task;
}

// Two retries and a loss, then a success.
StoredTask tried_often() {
  StoredTask task = ended(succeeded, Verdict::ok);
  task.row.attempt = 4;
  task.row.retries_used = 2;
  task.row.losses = 1;
  task.events = {line(retrying, 1, Verdict::wall_timeout), line(queued, 2, Verdict::wall_timeout),
                 line(retrying, 3, Verdict::wall_timeout), line(succeeded, 4, Verdict::ok)};
  return task;
}

void expect_one(const StoredTask& task, FindingKind kind, const std::string& words) {
  const std::vector<Finding> findings = audit(task);
  ASSERT_THAT(findings, SizeIs(1)) << words;
  EXPECT_EQ(findings[0].kind, kind) << findings[0].text;
  EXPECT_EQ(findings[0].id, task.row.id);
  EXPECT_THAT(findings[0].text, HasSubstr(words));
}

TEST(AuditTest, GoodTasksAreGood) {
  StoredTask poison = ended(dead, Verdict::none);
  poison.row.attempt = poison.row.losses = 3;
  poison.row.result_bytes = 0;
  poison.result_bytes.reset();
  poison.events = {line(queued, 1), line(queued, 2), line(dead, 3)};
  StoredTask cached = ended(succeeded, Verdict::ok);
  cached.row.attempt = 0;
  cached.row.epoch = Epoch{};
  cached.row.result_of = id_of(2);
  cached.row.result_bytes = 0;
  cached.result_bytes.reset();
  cached.holder_has_result = true;
  cached.events = {line(succeeded, 0, Verdict::ok)};
  StoredTask cancelled_early = waiting();
  cancelled_early.row.state = cancelled;
  cancelled_early.row.verdict = Verdict::cancelled;
  cancelled_early.events = {line(cancelled, 0, Verdict::cancelled)};
  for (const StoredTask& task : {waiting(), running_task(), joined_task(), tried_often(), poison,
                                 cached, cancelled_early, ended(failed, Verdict::nonzero_exit)}) {
    EXPECT_THAT(audit(task), IsEmpty());
  }
}

TEST(AuditTest, ABlobThatIsNotThereIsFound) {
  StoredTask task = waiting();
  task.missing_blobs = 2;
  expect_one(task, FindingKind::no_blob, "2 blobs");
}

TEST(AuditTest, TwoEndsAreDoubled) {
  StoredTask task = ended(succeeded, Verdict::ok);
  task.events.push_back(line(succeeded, 1, Verdict::ok));
  expect_one(task, FindingKind::doubled, "two ends: succeeded, then succeeded");

  task = ended(succeeded, Verdict::ok);
  task.row.state = failed;
  expect_one(task, FindingKind::doubled, "ended as succeeded by its history, but is failed");

  task = ended(failed, Verdict::signaled);
  task.row.verdict = Verdict::nonzero_exit;
  expect_one(task, FindingKind::doubled, "ended with signaled by its history");

  task = running_task();
  task.events = {line(failed, 1)};
  expect_one(task, FindingKind::doubled, "ended as failed by its history, but is running");
}

TEST(AuditTest, StepsThatDoNotExistAreImpossible) {
  StoredTask task = ended(succeeded, Verdict::ok);
  task.events.clear();
  expect_one(task, FindingKind::impossible, "its history ends with its submission");

  task = ended(succeeded, Verdict::ok);
  task.events.insert(task.events.begin(), line(joined, 0));
  expect_one(task, FindingKind::impossible, "goes from its submission to joined");

  task = waiting();
  task.row.state = scheduled;
  task.events = {line(queued, 0)};
  expect_one(task, FindingKind::impossible, "it is scheduled, but its history ends with queued");
}

TEST(AuditTest, CountersThatDisagreeAreImpossible) {
  StoredTask task = running_task();
  task.row.attempt = 2;
  expect_one(task, FindingKind::impossible, "running with attempt 2, 0 retries used and 0 losses");

  task = waiting();
  task.row.losses = 1;
  expect_one(task, FindingKind::impossible, "queued with attempt 0");

  task = tried_often();
  task.row.attempt = 3;
  task.row.retries_used = 1;
  task.events.back().attempt = 3;
  expect_one(task, FindingKind::impossible, "used 1 retries, but its history has 2");

  task = tried_often();
  task.row.max_retries = 1;
  expect_one(task, FindingKind::impossible, "2 retries of 1");

  task = tried_often();
  task.events[1].attempt = 4;
  expect_one(task, FindingKind::impossible, "goes back from attempt 4 to 3");

  task = tried_often();
  task.events.back().attempt = 5;
  expect_one(task, FindingKind::impossible, "its history has attempt 5, but its row 4");
}

TEST(AuditTest, WhatNothingWillEndIsStuck) {
  StoredTask task = running_task();
  task.row.epoch = Epoch{};
  expect_one(task, FindingKind::stuck, "under no lease");

  task = waiting();
  task.has_program = false;
  expect_one(task, FindingKind::stuck, "no program");

  task = joined_task();
  task.row.leader.reset();
  expect_one(task, FindingKind::stuck, "no leader");

  task = joined_task();
  task.leader_state.reset();
  expect_one(task, FindingKind::stuck, "not stored");

  for (const TaskState state : {succeeded, cancelled, joined}) {
    task = joined_task();
    task.leader_state = state;
    expect_one(task, FindingKind::stuck, "is " + std::string(to_string(state)));
  }
}

TEST(AuditTest, ResultsThatAreNotThere) {
  StoredTask task = ended(succeeded, Verdict::ok);
  task.result_bytes.reset();
  expect_one(task, FindingKind::no_result, "its result of 7 bytes is not stored");

  task.row.result_bytes = 0;
  expect_one(task, FindingKind::no_result, "it succeeded, but has no result");

  task = ended(failed, Verdict::signaled);
  task.result_bytes = 6;
  expect_one(task, FindingKind::no_result, "has 6 bytes, but its row says 7");

  task = ended(succeeded, Verdict::ok);
  task.row.result_of = id_of(2);
  expect_one(task, FindingKind::no_result, "which is not stored");

  task.holder_has_result = false;
  expect_one(task, FindingKind::no_result, "which has none of its own");
}

AuditReport report_of(Ledger ledger, const std::vector<StoredTask>& tasks, bool all_ended = false,
                      bool complete = true) {
  Audit audit(std::move(ledger), all_ended);
  for (const StoredTask& task : tasks) audit.add(task);
  return audit.finish(complete);
}

uint64_t count(const AuditReport& report, FindingKind kind) {
  return report.counts.at(static_cast<size_t>(kind));
}

TEST(LedgerTest, WhatWasToldAndIsNotStoredIsLost) {
  Ledger ledger;
  ledger.acknowledged(id_of(1));
  ledger.acknowledged(id_of(2));
  ledger.ended(id_of(3), {failed, std::nullopt});
  const AuditReport report = report_of(ledger, {waiting()});
  EXPECT_EQ(report.ledger, 3U);
  EXPECT_EQ(count(report, FindingKind::lost), 2U);
  EXPECT_EQ(report.found(), 2U);
  const AuditReport partly = report_of(ledger, {waiting()}, false, false);
  EXPECT_EQ(partly.found(), 0U) << "what was not read is not lost";
}

TEST(LedgerTest, AnEndUnlikeTheStoredOneIsDoubled) {
  Ledger ledger;
  ledger.ended(id_of(1), {succeeded, Verdict::ok});
  ledger.ended(id_of(1), {succeeded, Verdict::ok});
  EXPECT_EQ(report_of(ledger, {ended(succeeded, Verdict::ok)}).found(), 0U);
  EXPECT_EQ(count(report_of(ledger, {ended(failed, Verdict::signaled)}), FindingKind::doubled), 1U);
  EXPECT_EQ(count(report_of(ledger, {running_task()}), FindingKind::doubled), 1U);
  Ledger state_only;
  state_only.ended(id_of(1), {failed, std::nullopt});
  EXPECT_EQ(report_of(state_only, {ended(failed, Verdict::signaled)}).found(), 0U);
}

TEST(LedgerTest, TwoEndsThatClientsSawAreDoubled) {
  Ledger ledger;
  ledger.ended(id_of(1), {failed, Verdict::signaled});
  ledger.ended(id_of(1), {failed, Verdict::nonzero_exit});
  const AuditReport report = report_of(ledger, {ended(failed, Verdict::signaled)});
  EXPECT_EQ(count(report, FindingKind::doubled), 2U);
  EXPECT_THAT(report.findings.back().text, HasSubstr("clients saw two ends"));
}

TEST(LedgerTest, WithAllEndedWhatHasNotEndedIsStuck) {
  EXPECT_EQ(report_of({}, {waiting()}, false).found(), 0U);
  EXPECT_EQ(count(report_of({}, {waiting()}, true), FindingKind::stuck), 1U);
  EXPECT_EQ(report_of({}, {ended(succeeded, Verdict::ok)}, true).found(), 0U);
}

TEST(LedgerTest, AllFindingsAreCountedAndTheFirstKept) {
  Audit audit({}, false);
  for (size_t i = 0; i < kMaxFindings + 5; ++i) audit.damaged(std::to_string(i));
  const AuditReport report = audit.finish(false);
  EXPECT_EQ(report.found(), kMaxFindings + 5);
  ASSERT_THAT(report.findings, SizeIs(kMaxFindings));
  EXPECT_EQ(report.findings.front().text, "0");
}

}  // namespace
}  // namespace kiln::model
