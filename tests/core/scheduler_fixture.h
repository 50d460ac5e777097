// A Scheduler with a clock of its own, and short words for what is said to it. Effects of the last
// call are kept and picked by type.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "core/scheduler.h"

namespace kiln::core {

inline constexpr Duration kSecond = std::chrono::seconds(1);

class SchedulerFixture : public ::testing::Test {
 protected:
  static TaskId task_id(uint8_t n) {
    TaskId id;
    id.bytes[0] = 1;
    id.bytes[15] = n;
    return id;
  }
  static InstanceId worker_id(uint8_t n) {
    InstanceId id;
    id.bytes[0] = 2;
    id.bytes[15] = n;
    return id;
  }
  static ClientRef client(uint64_t rid = 1, std::string tenant = "default") {
    return ClientRef{"route", rid, std::move(tenant)};
  }
  static model::TaskRow row(uint8_t n);
  static model::Hello hello(uint8_t worker, uint32_t slots = 1);

  void restart(uint64_t boot, const std::vector<model::TaskRow>& rows);
  void apply(Command command) { effects = scheduler.apply(std::move(command), now); }
  void submit(model::TaskRow task) {
    apply(Submit{client(), {Submission{std::move(task), nullptr, false, std::nullopt}}, false});
  }
  void submit(uint8_t n) { submit(row(n)); }
  void say(uint8_t worker, model::FromWorker message) {
    apply(WorkerSaid{worker_id(worker), std::move(message)});
  }
  void join(uint8_t worker, uint32_t slots = 1) { say(worker, hello(worker, slots)); }
  void finish(uint8_t worker, const model::LeaseRef& lease,
              model::Verdict verdict = model::Verdict::ok) {
    say(worker, model::Finished{lease, verdict, std::make_shared<const std::string>("result")});
  }
  // Time passes, with a tick at its end.
  void pass(Duration time) {
    now.mono += time;
    now.wall += time;
    effects = scheduler.tick(now);
  }
  // Time passes while these workers send heartbeats.
  void pass_with(Duration time, const std::vector<uint8_t>& workers);

  template <class T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const Effect& effect : effects) {
      if (const auto* one = std::get_if<T>(&effect)) found.push_back(*one);
    }
    return found;
  }
  // Messages of one type to workers.
  template <class M>
  std::vector<M> sent() const {
    std::vector<M> found;
    for (const Send& send : all<Send>()) {
      if (const auto* one = std::get_if<M>(&send.message)) found.push_back(*one);
    }
    return found;
  }
  // Answers of one type to clients.
  template <class B>
  std::vector<B> answers() const {
    std::vector<B> found;
    for (const Reply& reply : all<Reply>()) {
      if (const auto* one = std::get_if<B>(&reply.body)) found.push_back(*one);
    }
    return found;
  }
  // The place of the first effect of this type; effects.size() if there is none.
  template <class T>
  size_t place() const {
    size_t i = 0;
    while (i < effects.size() && !std::holds_alternative<T>(effects[i])) ++i;
    return i;
  }
  // The only assignment of the last call.
  model::Assign assigned() const;
  uint64_t counted(Counter counter) const;
  model::TaskRow task(uint8_t n) const { return scheduler.find(task_id(n)).value(); }
  StatusView status(uint8_t n);

  SchedulerOptions options;
  Now now{mono_from_micros(1'000'000'000), wall_from_micros(1'700'000'000'000'000)};
  Scheduler scheduler{options, Random(1)};
  Effects effects;
};

}  // namespace kiln::core
