#include "model/states.h"

#include <gtest/gtest.h>

#include <set>

namespace kiln::model {
namespace {

// Every word of a list comes back as its own entry, and nothing else does.
template <class Enum, class Parse>
void expect_words(size_t count, Parse parse) {
  std::set<std::string_view> words;
  for (size_t i = 0; i < count; ++i) {
    const auto value = static_cast<Enum>(i);
    words.insert(to_string(value));
    EXPECT_EQ(parse(to_string(value)), value);
  }
  EXPECT_EQ(words.size(), count);
  for (const std::string_view word : {"", "Queued", "no_such_word", "queued "}) {
    EXPECT_EQ(parse(word), std::nullopt) << word;
  }
}

TEST(StatesTest, WordsComeBack) {
  expect_words<TaskState>(kTaskStateCount, parse_task_state);
  expect_words<Verdict>(kVerdictCount, parse_verdict);
  expect_words<LimitHit>(kLimitHitCount, parse_limit_hit);
  expect_words<RetryReason>(kRetryReasonCount, parse_retry_reason);
}

TEST(StatesTest, TheLastFiveAreTerminal) {
  for (const TaskState state : {TaskState::scheduled, TaskState::queued, TaskState::joined,
                                TaskState::running, TaskState::retrying}) {
    EXPECT_FALSE(is_terminal(state)) << to_string(state);
  }
  for (const TaskState state : {TaskState::succeeded, TaskState::failed, TaskState::dead,
                                TaskState::cancelled, TaskState::expired}) {
    EXPECT_TRUE(is_terminal(state)) << to_string(state);
  }
}

TEST(StatesTest, RetryReasonsOfVerdicts) {
  EXPECT_EQ(retry_reason_of(Verdict::wall_timeout), RetryReason::timeout);
  EXPECT_EQ(retry_reason_of(Verdict::cpu_timeout), RetryReason::timeout);
  EXPECT_EQ(retry_reason_of(Verdict::soft_timeout), RetryReason::timeout);
  EXPECT_EQ(retry_reason_of(Verdict::memory_limit), RetryReason::memory);
  EXPECT_EQ(retry_reason_of(Verdict::infrastructure_error), RetryReason::os_error);
  EXPECT_EQ(retry_reason_of(Verdict::nonzero_exit), RetryReason::nonzero_exit);
  EXPECT_EQ(retry_reason_of(Verdict::signaled), RetryReason::signaled);
  EXPECT_EQ(retry_reason_of(Verdict::output_limit), RetryReason::output_limit);
  EXPECT_EQ(retry_reason_of(Verdict::compile_error), RetryReason::compile_error);
  for (const Verdict verdict : {Verdict::ok, Verdict::wrong_answer, Verdict::checker_error,
                                Verdict::cancelled, Verdict::none}) {
    EXPECT_EQ(retry_reason_of(verdict), std::nullopt) << to_string(verdict);
  }
}

}  // namespace
}  // namespace kiln::model
