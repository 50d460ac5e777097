// What makes two submissions the same work (cache_key) or the same submission (body_hash).
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <vector>

#include "model/task.h"

namespace kiln::model {
namespace {

TaskSpec some_spec() {
  TaskSpec spec;
  spec.program.language = "python";
  spec.program.code = "print(1)";
  spec.program.args = {"a", "b"};
  spec.program.stdin_bytes = "in";
  spec.program.env = {{"A", "1"}, {"B", "2"}};
  spec.program.files = {{"x.txt", "x"}, {"y/z.txt", "z"}};
  return spec;
}

using Change = std::function<void(TaskSpec&)>;

// Each makes other work.
const std::vector<Change> kWorkChanges = {
    [](TaskSpec& s) { s.tenant = "other"; },
    [](TaskSpec& s) { s.program.language = "ruby"; },
    [](TaskSpec& s) { s.program.code += " "; },
    [](TaskSpec& s) { s.program.stdin_bytes = ""; },
    [](TaskSpec& s) {
      s.program.args = {"b", "a"};
    },
    [](TaskSpec& s) { s.program.args = {"ab"}; },
    [](TaskSpec& s) {
      s.program.args = {"a", "b", ""};
    },
    [](TaskSpec& s) { s.program.args = {}; },
    [](TaskSpec& s) { s.program.env[0].value = "2"; },
    [](TaskSpec& s) { s.program.env[0].name = "C"; },
    [](TaskSpec& s) { s.program.env.pop_back(); },
    [](TaskSpec& s) { s.program.files[0].bytes = "X"; },
    [](TaskSpec& s) { s.program.files[0].path = "x"; },
    [](TaskSpec& s) { s.program.files.pop_back(); },
};

// Each leaves the work as it is, but is another submission.
const std::vector<Change> kOtherChanges = {
    [](TaskSpec& s) { s.queue = "other"; },
    [](TaskSpec& s) { s.priority = 6; },
    [](TaskSpec& s) { s.wait = true; },
    [](TaskSpec& s) { s.cache = false; },
    [](TaskSpec& s) { s.max_retries = 4; },
    [](TaskSpec& s) { s.retry_on = {{RetryReason::timeout}}; },
    [](TaskSpec& s) { s.retry_on.emplace(); },
    [](TaskSpec& s) { s.retry_delay_ms = 5'000; },
    [](TaskSpec& s) { s.full_jitter = false; },
    [](TaskSpec& s) { s.countdown_ms = 1; },
    [](TaskSpec& s) { s.expires_in_ms = 1; },
    [](TaskSpec& s) { s.eta = wall_from_micros(0); },
    [](TaskSpec& s) { s.eta = wall_from_micros(1); },
    [](TaskSpec& s) { s.expires = wall_from_micros(0); },
    [](TaskSpec& s) { s.expires = wall_from_micros(1); },
};

TEST(HashesTest, TheCodeHashIsThatOfItsBytes) {
  Program program;
  program.code = "print('Hello')";
  EXPECT_EQ(to_hex(code_hash(program)),
            "0d4b93146f79968657afdad8b23d423973bf7a7e97690d146e6b6cfcc24e617e");
}

TEST(HashesTest, EveryChangeOfTheWorkChangesBothHashes) {
  std::set<Sha256> keys = {cache_key(some_spec(), "3.11")};
  std::set<Sha256> bodies = {body_hash(some_spec())};
  for (const Change& change : kWorkChanges) {
    TaskSpec spec = some_spec();
    change(spec);
    keys.insert(cache_key(spec, "3.11"));
    bodies.insert(body_hash(spec));
  }
  EXPECT_EQ(keys.size(), kWorkChanges.size() + 1);
  EXPECT_EQ(bodies.size(), kWorkChanges.size() + 1);
}

TEST(HashesTest, EveryLimitIsPartOfBoth) {
  for (const LimitField& field : limit_fields()) {
    TaskSpec spec = some_spec();
    ASSERT_TRUE(spec.program.limits.set(field.name, 1));
    EXPECT_NE(cache_key(spec, "3.11"), cache_key(some_spec(), "3.11")) << field.name;
    EXPECT_NE(body_hash(spec), body_hash(some_spec())) << field.name;
  }
}

TEST(HashesTest, AnotherLanguageVersionIsOtherWork) {
  EXPECT_NE(cache_key(some_spec(), "3.11"), cache_key(some_spec(), "3.12"));
}

TEST(HashesTest, EveryOtherChangeChangesTheBodyOnly) {
  std::set<Sha256> bodies = {body_hash(some_spec())};
  for (const Change& change : kOtherChanges) {
    TaskSpec spec = some_spec();
    change(spec);
    bodies.insert(body_hash(spec));
    EXPECT_EQ(cache_key(spec, "3.11"), cache_key(some_spec(), "3.11"));
  }
  EXPECT_EQ(bodies.size(), kOtherChanges.size() + 1);
}

TEST(HashesTest, TheIdIsNoPartOfEither) {
  TaskSpec spec = some_spec();
  spec.id = TaskId{{1}};
  EXPECT_EQ(body_hash(spec), body_hash(some_spec()));
  EXPECT_EQ(cache_key(spec, "3.11"), cache_key(some_spec(), "3.11"));
}

TEST(HashesTest, TheOrderOfFilesAndVariablesDoesNotMatter) {
  TaskSpec turned = some_spec();
  std::swap(turned.program.env[0], turned.program.env[1]);
  std::swap(turned.program.files[0], turned.program.files[1]);
  EXPECT_EQ(cache_key(turned, "3.11"), cache_key(some_spec(), "3.11"));
  EXPECT_EQ(body_hash(turned), body_hash(some_spec()));
}

TEST(HashesTest, AskingForADefaultIsAskingForNothing) {
  TaskSpec spec = some_spec();
  ASSERT_TRUE(spec.program.limits.set("memory_bytes", Limits().memory_bytes));
  EXPECT_EQ(cache_key(spec, "3.11"), cache_key(some_spec(), "3.11"));
}

}  // namespace
}  // namespace kiln::model
