// Random commands, against the plain model: 100,000 steps from one seed, which is printed.
// KILN_SEED=n repeats a run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <unordered_map>

#include "tests/core/scheduler_model.h"

namespace kiln::core {
namespace {

using model::LeaseRef;
using model::TaskState;
using model::Verdict;

constexpr int kSteps = 100'000;
constexpr size_t kMaxTasks = 40;
constexpr size_t kWorkers = 6;
constexpr Duration kMs = std::chrono::milliseconds(1);

class RandomRun {
 public:
  explicit RandomRun(uint64_t seed) : random_(seed) {}

  bool step();
  void check_all();
  const std::vector<std::string>& wrongs() const { return model_.wrongs(); }
  void print_counts() const;

 private:
  uint64_t below(uint64_t bound) { return uniform(random_, bound); }
  bool chance(uint64_t percent) { return below(100) < percent; }
  InstanceId some_worker();
  LeaseRef some_lease(const InstanceId& worker);
  const SchedulerModel::Task* some_task();

  void submit();
  void cancel();
  void due();
  void hello();
  void say(const InstanceId& worker, model::FromWorker message);
  void about_a_lease();
  void pass();
  void restart();
  void commit();
  void settle(const Effects& effects);

  Random random_;
  SchedulerOptions options_;
  SchedulerModel model_{options_};
  Scheduler scheduler_{options_, Random(1)};
  Now now_{mono_from_micros(1), wall_from_micros(1'700'000'000'000'000)};
  uint64_t ids_ = 0;
  uint64_t seq_ = 0;
  uint64_t persists_ = 0;
  std::unordered_map<TaskId, model::TaskRow> stored_;
  std::map<TaskState, uint64_t> ends_;
  uint64_t assigns_ = 0;
};

InstanceId RandomRun::some_worker() {
  InstanceId id;
  id.bytes[0] = static_cast<uint8_t>(1 + below(kWorkers));
  return id;
}

const SchedulerModel::Task* RandomRun::some_task() {
  if (model_.tasks().empty()) return nullptr;
  auto it = model_.tasks().begin();
  std::advance(it, static_cast<std::ptrdiff_t>(below(model_.tasks().size())));
  return &it->second;
}

// Most often one that the worker has; at times another's, or an old one.
LeaseRef RandomRun::some_lease(const InstanceId& worker) {
  const auto own = model_.leases_of(worker);
  LeaseRef lease{};
  if (!own.empty() && chance(85)) {
    lease = own[below(own.size())];
  } else if (const auto* task = some_task(); task != nullptr) {
    lease = task->lease.value_or(LeaseRef{task->row.id, {1, 1}});
  }
  if (chance(5)) lease.epoch.counter -= std::min<uint64_t>(lease.epoch.counter, 1);
  return lease;
}

void RandomRun::submit() {
  if (model_.tasks().size() >= kMaxTasks) return;
  model::TaskRow row;
  row.id.bytes[0] = 1;
  for (size_t i = 0; i < 4; ++i) row.id.bytes[15 - i] = static_cast<uint8_t>(ids_ >> (8 * i));
  ++ids_;
  row.seq = ++seq_;
  row.tenant = "default";
  row.queue = chance(60) ? "default" : chance(50) ? "a" : "b";
  row.language = chance(60) ? "python" : "bash";
  row.priority = static_cast<int>(below(11));
  row.max_retries = static_cast<uint32_t>(below(3));
  row.retry_on = 0b111;
  row.wait = chance(10);
  row.cache = false;  // the model knows of no sharing
  row.submitted_at = now_.wall;
  if (chance(15)) row.due_at = now_.wall + kMs * static_cast<int64_t>(below(4'000));
  if (chance(15)) row.expires_at = now_.wall + kMs * static_cast<int64_t>(below(4'000));
  model_.submit(row, now_);
  settle(scheduler_.apply(
      Submit{ClientRef{"c", 1, "default"}, {Submission{row, nullptr, false, std::nullopt}}, false},
      now_));
}

void RandomRun::cancel() {
  const auto* task = some_task();
  if (task == nullptr) return;
  const TaskId id = task->row.id;
  model_.cancel(id);
  settle(scheduler_.apply(CancelTask{ClientRef{"c", 1, "default"}, id}, now_));
}

void RandomRun::due() {
  const auto* task = some_task();
  if (task == nullptr) return;
  const TaskId id = task->row.id;
  const auto row = scheduler_.find(id);
  const bool waits = row->state == TaskState::scheduled || row->state == TaskState::retrying;
  const bool late = chance(10);
  if (waits && !late && *row->due_at <= now_.wall) model_.due(id);
  settle(scheduler_.apply(Due{id, row->version - (late ? 1 : 0)}, now_));
}

void RandomRun::hello() {
  model::Hello hello;
  hello.instance = some_worker();
  hello.name = "w" + std::to_string(hello.instance.bytes[0]);
  hello.slots = hello.instance.bytes[0] % 3 + 1U;
  hello.credit = static_cast<uint32_t>(below(hello.slots * 2 + 1));
  hello.languages = {{"python", "3"}};
  if (chance(50)) hello.languages.push_back({"bash", "5"});
  if (chance(30)) hello.queues = {"a", "default"};
  for (const auto& [id, task] : model_.tasks()) {
    const bool own = task.worker == hello.instance || (task.lease && !task.worker && chance(40));
    if (own && chance(90)) (chance(50) ? hello.leases : hello.results).push_back(*task.lease);
  }
  model_.hello(hello, now_);
  settle(scheduler_.apply(WorkerSaid{hello.instance, hello}, now_));
}

void RandomRun::say(const InstanceId& worker, model::FromWorker message) {
  settle(scheduler_.apply(WorkerSaid{worker, std::move(message)}, now_));
}

void RandomRun::about_a_lease() {
  const InstanceId worker = some_worker();
  const LeaseRef lease = some_lease(worker);
  const uint64_t dice = below(100);
  if (dice < 40) {
    model_.started(worker, lease, now_);
    say(worker, model::Started{lease});
  } else if (dice < 46) {
    model_.returned(worker, lease, now_);
    say(worker, model::Returned{lease});
  } else if (dice < 50) {
    model_.refused(worker, lease, now_);
    say(worker, model::Refused{lease, "no"});
  } else {
    const auto verdict =
        chance(60) ? Verdict::ok : static_cast<Verdict>(below(model::kVerdictCount));
    model_.finished(worker, lease, verdict, now_);
    say(worker, model::Finished{lease, verdict, std::make_shared<const std::string>("r")});
  }
}

void RandomRun::pass() {
  const Duration time = kMs * static_cast<int64_t>(below(chance(10) ? 3'000 : 200));
  now_.mono += time;
  now_.wall += time;
  if (chance(1)) now_.wall += kMs * (static_cast<int64_t>(below(20'000)) - 10'000);
  model_.tick(now_);
  settle(scheduler_.tick(now_));
}

void RandomRun::restart() {
  ++options_.boot;
  options_.last_seq = seq_;
  scheduler_ = Scheduler(options_, Random(options_.boot));
  persists_ = 0;
  std::map<uint64_t, model::TaskRow> by_seq;
  for (const auto& [id, row] : stored_) {
    if (!model::is_terminal(row.state)) by_seq.emplace(row.seq, row);
  }
  for (const auto& [seq, row] : by_seq) scheduler_.load(row);
  model_.restart(now_);
  settle(scheduler_.finish_load(now_));
  stored_.clear();
  for (const auto& [seq, row] : by_seq) stored_.emplace(row.id, row);
}

void RandomRun::commit() {
  scheduler_.committed(persists_);
  model_.forget_ended();
}

// Takes over what the scheduler decided, and compares each task that it touched.
void RandomRun::settle(const Effects& effects) {
  std::vector<TaskId> touched;
  for (const Effect& effect : effects) {
    if (const auto* persist = std::get_if<Persist>(&effect)) {
      persists_ += persist->lazy ? 0 : 1;
      for (const model::Write& write : persist->writes) {
        if (const auto* insert = std::get_if<model::InsertTask>(&write)) {
          stored_[insert->row.id] = insert->row;
        } else if (const auto* update = std::get_if<model::UpdateTask>(&write)) {
          stored_[update->row.id] = update->row;
          touched.push_back(update->row.id);
        }
      }
    } else if (const auto* send = std::get_if<Send>(&effect)) {
      if (const auto* assign = std::get_if<model::Assign>(&send->message)) {
        ++assigns_;
        model_.assigned(send->worker, *assign, now_);
      }
    } else if (const auto* publish = std::get_if<Publish>(&effect)) {
      const auto* ended = std::get_if<TaskEnded>(&publish->news);
      if (ended == nullptr) continue;
      ++ends_[ended->row.state];
      if (ended->row.state == TaskState::expired) model_.expired(ended->row.id, now_);
    }
  }
  model_.check_no_idle_slot(now_);
  for (const TaskId& id : touched) model_.check(id, scheduler_);
}

bool RandomRun::step() {
  const uint64_t dice = below(1'000);
  if (dice < 250)
    submit();
  else if (dice < 270)
    cancel();
  else if (dice < 330)
    due();
  else if (dice < 360)
    hello();
  else if (dice < 700)
    about_a_lease();
  else if (dice < 760) {
    const InstanceId worker = some_worker();
    model_.heartbeat(worker, now_);
    say(worker, model::Heartbeat{});
  } else if (dice < 790) {
    const InstanceId worker = some_worker();
    const auto credit = static_cast<uint32_t>(below(7));
    model_.credit(worker, credit, now_);
    say(worker, model::Credit{credit});
  } else if (dice < 793) {
    const InstanceId worker = some_worker();
    model_.goodbye(worker);
    say(worker, model::Goodbye{});
  } else if (dice < 796) {
    const InstanceId worker = some_worker();
    model_.unreachable(worker, now_);
    settle(scheduler_.apply(WorkerUnreachable{worker}, now_));
  } else if (dice < 797)
    restart();
  else if (dice < 900)
    commit();
  else
    pass();
  return wrongs().empty();
}

void RandomRun::check_all() {
  for (const auto& [id, task] : model_.tasks()) model_.check(id, scheduler_);
  EXPECT_EQ(scheduler_.live_tasks(), model_.tasks().size());
}

void RandomRun::print_counts() const {
  std::cout << ids_ << " tasks, " << assigns_ << " assignments, " << options_.boot << " boots";
  for (const auto& [state, count] : ends_) std::cout << ", " << count << " " << to_string(state);
  std::cout << "\n";
}

TEST(SchedulerProperty, AgreesWithAPlainModel) {
  const char* given = std::getenv("KILN_SEED");
  const uint64_t seed = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
  std::cout << "seed " << seed << "\n";
  RandomRun run(seed);
  int step = 0;
  while (step < kSteps && run.step()) {
    if (++step % 100 == 0) run.check_all();
  }
  for (const std::string& wrong : run.wrongs()) {
    ADD_FAILURE() << "seed " << seed << ", step " << step << ": " << wrong;
  }
  run.print_counts();
}

}  // namespace
}  // namespace kiln::core
