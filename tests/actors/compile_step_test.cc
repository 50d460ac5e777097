#include "actors/compile_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actors/compile_cache.h"

namespace kiln::actors {
namespace {

using model::Verdict;
using testing::ElementsAre;
using testing::HasSubstr;

sandbox::CellRequest step() {
  sandbox::CellRequest request;
  request.argv = {"/usr/bin/cc", "-O2"};
  request.env = {{"A", "1"}};
  request.files = {{"main.c", "int x;"}, {"a.h", ""}};
  return request;
}

model::TaskResult end_with(Verdict verdict) {
  model::TaskResult end;
  end.verdict = verdict;
  end.cost.wall_us = 700;
  end.artifacts = {{"program", 3, "ELF"}};
  return end;
}

TEST(CompileStep, ItsKeyIsOfAllThatTheCompilerSees) {
  const Sha256 key = compile_key(step(), "12.2");
  EXPECT_EQ(compile_key(step(), "12.2"), key);
  EXPECT_NE(compile_key(step(), "12.3"), key);
  const auto changed = [&](auto change) {
    sandbox::CellRequest other = step();
    change(other);
    return compile_key(other, "12.2") != key;
  };
  EXPECT_TRUE(changed([](auto& r) { r.argv[1] = "-O3"; }));
  EXPECT_TRUE(changed([](auto& r) { r.env[0].value = "2"; }));
  EXPECT_TRUE(changed([](auto& r) { r.files[0].bytes = "int y;"; }));
  EXPECT_TRUE(changed([](auto& r) { r.files[1].path = "b.h"; }));
  EXPECT_TRUE(changed([](auto& r) { r.limits.memory_bytes -= 1; }));
  EXPECT_FALSE(changed([](auto& r) { std::swap(r.files[0], r.files[1]); }));
}

TEST(CompileStep, IsDoneWhenItEndedWellWithAProgram) {
  EXPECT_TRUE(has_compiled(end_with(Verdict::ok)));
  EXPECT_FALSE(has_compiled(end_with(Verdict::nonzero_exit)));
  model::TaskResult none = end_with(Verdict::ok);
  none.artifacts[0].path = "other";
  EXPECT_FALSE(has_compiled(none));
  EXPECT_THAT(compile_failure(none).message, HasSubstr("made no program"));
  none.artifacts_refused = {"program: it is too large"};
  EXPECT_THAT(compile_failure(none).message, HasSubstr("program: it is too large"));
}

TEST(CompileStep, WhatFailsIsTheProgramsFaultUnlessItIsOurs) {
  for (const Verdict verdict :
       {Verdict::nonzero_exit, Verdict::signaled, Verdict::wall_timeout, Verdict::cpu_timeout,
        Verdict::memory_limit, Verdict::output_limit}) {
    EXPECT_EQ(compile_failure(end_with(verdict)).verdict, Verdict::compile_error);
  }
  EXPECT_EQ(compile_failure(end_with(Verdict::cancelled)).verdict, Verdict::cancelled);
  EXPECT_EQ(compile_failure(end_with(Verdict::infrastructure_error)).verdict,
            Verdict::infrastructure_error);
}

TEST(CompileStep, SaysWhatItRanInto) {
  model::TaskResult slow = end_with(Verdict::wall_timeout);
  slow.message = "ran longer than its time limit of 20 s";
  slow.err.bytes = "half a warning";
  const model::TaskResult told = compile_failure(slow);
  EXPECT_EQ(told.message, "the compiler ran longer than its time limit of 20 s");
  EXPECT_EQ(told.err.bytes, "half a warning");
  EXPECT_EQ(told.cost.compile_us, 700);
  EXPECT_TRUE(told.artifacts.empty());
  model::TaskResult wrong = end_with(Verdict::nonzero_exit);
  wrong.exit_code = 1;
  EXPECT_EQ(compile_failure(wrong).message, "the compiler ended with exit code 1");
  model::TaskResult crashed = end_with(Verdict::signaled);
  crashed.signal = 11;
  EXPECT_EQ(compile_failure(crashed).message, "signal 11 ended the compiler");
}

Sha256 key_of(uint8_t number) {
  Sha256 key{};
  key[0] = number;
  return key;
}
std::shared_ptr<ProgramFiles> program(size_t bytes) {
  return std::make_shared<ProgramFiles>(ProgramFiles{{"program", std::string(bytes, 'x')}});
}

TEST(CompileCache, GivesBackWhatWasPutIn) {
  CompileCache cache;
  EXPECT_EQ(cache.find(key_of(1)), nullptr);
  cache.put(key_of(1), program(10));
  ASSERT_NE(cache.find(key_of(1)), nullptr);
  EXPECT_EQ(cache.find(key_of(1))->at(0).bytes, std::string(10, 'x'));
  cache.put(key_of(1), program(20));
  EXPECT_EQ(cache.find(key_of(1))->at(0).bytes.size(), 20U);
}

TEST(CompileCache, IsBoundedAndForgetsTheLeastRecentlyUsed) {
  CompileCache cache(30'000);
  cache.put(key_of(1), program(10'000));
  cache.put(key_of(2), program(10'000));
  ASSERT_NE(cache.find(key_of(1)), nullptr);
  cache.put(key_of(3), program(10'000));
  EXPECT_LE(cache.bytes(), 30'000U);
  EXPECT_EQ(cache.find(key_of(2)), nullptr);
  EXPECT_NE(cache.find(key_of(1)), nullptr);
  cache.put(key_of(4), program(40'000));
  EXPECT_EQ(cache.find(key_of(4)), nullptr) << "larger than the bound";
  EXPECT_NE(cache.find(key_of(1)), nullptr);
}

TEST(CompileCache, DropsWhatWasDamaged) {
  CompileCache cache;
  const auto files = program(10);
  cache.put(key_of(1), files);
  files->at(0).bytes[3] = 'y';
  EXPECT_EQ(cache.find(key_of(1)), nullptr);
  EXPECT_EQ(cache.damaged(), 1U);
  EXPECT_EQ(cache.bytes(), 0U);
  cache.put(key_of(1), program(10));
  EXPECT_NE(cache.find(key_of(1)), nullptr);
}

}  // namespace
}  // namespace kiln::actors
