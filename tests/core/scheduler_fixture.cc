#include "tests/core/scheduler_fixture.h"

namespace kiln::core {

model::TaskRow SchedulerFixture::row(uint8_t n) {
  model::TaskRow row;
  row.id = task_id(n);
  row.tenant = "default";
  row.queue = "default";
  row.language = "python";
  row.retry_on = 0b111;  // timeout, memory, os_error
  row.body_hash[0] = n;
  row.cache_key[0] = n;
  row.submitted_at = wall_from_micros(1'700'000'000'000'000);
  return row;
}

model::Hello SchedulerFixture::hello(uint8_t worker, uint32_t slots) {
  model::Hello hello;
  hello.instance = worker_id(worker);
  hello.name = "w" + std::to_string(worker);
  hello.slots = slots;
  hello.credit = slots;
  hello.languages = {{"python", "3.11"}, {"bash", "5.2"}};
  return hello;
}

void SchedulerFixture::restart(uint64_t boot, const std::vector<model::TaskRow>& rows) {
  options.boot = boot;
  scheduler = Scheduler(options, Random(boot));
  for (const model::TaskRow& row : rows) scheduler.load(row);
  effects = scheduler.finish_load(now);
}

void SchedulerFixture::pass_with(Duration time, const std::vector<uint8_t>& workers) {
  Effects made;
  const auto keep = [&] { made.insert(made.end(), effects.begin(), effects.end()); };
  for (Duration done{0}; done < time; done += kSecond) {
    pass(std::min(kSecond, time - done));
    keep();
    for (const uint8_t worker : workers) {
      say(worker, model::Heartbeat{});
      keep();
    }
  }
  effects = std::move(made);
}

model::Assign SchedulerFixture::assigned() const {
  const auto assigns = sent<model::Assign>();
  EXPECT_EQ(assigns.size(), 1U);
  return assigns.empty() ? model::Assign{} : assigns.front();
}

uint64_t SchedulerFixture::counted(Counter counter) const {
  uint64_t sum = 0;
  for (const Count& count : all<Count>()) sum += count.counter == counter ? 1 : 0;
  return sum;
}

StatusView SchedulerFixture::status(uint8_t n) {
  apply(QueryStatus{client(), task_id(n)});
  const auto views = answers<StatusView>();
  EXPECT_EQ(views.size(), 1U);
  return views.empty() ? StatusView{} : views.front();
}

}  // namespace kiln::core
