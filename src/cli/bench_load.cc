#include "cli/bench_load.h"

#include <mutex>
#include <thread>

#include "base/ids.h"
#include "base/random.h"

namespace kiln::cli {
namespace {

constexpr uint32_t kWaitMs = 60'000;  // of one question for a result
constexpr Duration kAnswerTime = std::chrono::seconds(70);
constexpr uint32_t kMostQuestions = 10;

class Load {
 public:
  Load(const LoadPlan& plan, std::atomic<uint32_t>& done, const std::atomic<bool>& stop)
      : plan_(plan), done_(done), stop_(stop), took_(plan.tasks) {}

  Result<BenchRun> run(const Connect& connect) {
    std::vector<std::unique_ptr<net::Client>> clients;
    for (uint32_t i = 0; i < plan_.clients; ++i) {
      auto client = connect();
      if (!client) return std::move(client).error();
      clients.push_back(std::move(*client));
    }
    begin_ = real_now().mono;
    std::vector<std::thread> threads;
    for (const auto& client : clients) threads.emplace_back([&] { work(*client); });
    for (std::thread& thread : threads) thread.join();
    if (failure_) return std::move(*failure_);
    if (done_ < plan_.tasks) return Error{ErrorCode::unavailable, "interrupted", "", "", ""};
    BenchRun run;
    run.took = std::move(took_);
    run.whole = real_now().mono - begin_;
    run.attempts = attempts_;
    return run;
  }

 private:
  void work(net::Client& client) {
    Random random = seeded_random();
    for (uint32_t n = next_++; n < plan_.tasks && !over_ && !stop_; n = next_++) {
      const MonoTime due = wait_until_due(n);
      if (Status s = run_one(client, make_id<TaskId>(real_now().wall, random)); !s) {
        return fail(std::move(s).error());
      }
      took_[n] = real_now().mono - due;
      ++done_;
    }
  }

  MonoTime wait_until_due(uint32_t n) const {
    if (!plan_.every) return real_now().mono;
    const MonoTime due = begin_ + n * *plan_.every;
    std::this_thread::sleep_for(due - real_now().mono);
    return due;
  }

  Status run_one(net::Client& client, TaskId id) {
    net::Submit submit;
    submit.task.id = id;
    submit.task.program.language = plan_.language;
    submit.task.program.code = plan_.code;
    submit.task.cache = false;
    if (auto ok = client.request(std::move(submit)); !ok) return std::move(ok).error();
    for (uint32_t asked = 0; asked < kMostQuestions && !stop_; ++asked) {
      net::ResultOf result;
      result.id = id;
      result.wait_ms = kWaitMs;
      auto ok = client.request(std::move(result), kAnswerTime);
      if (!ok) return std::move(ok).error();
      if (ok->task && model::is_terminal(ok->task->state)) return check(*ok->task);
    }
    return Error{ErrorCode::timeout, "the task " + to_string(id) + " does not end", "", "",
                 "Look with 'kiln workers' whether a worker has the language " + plan_.language};
  }

  Status check(const net::TaskInfo& task) {
    attempts_ += task.attempt;
    if (task.state == model::TaskState::succeeded && task.attempt == 1) return {};
    return Error{ErrorCode::internal, "what ran is not what was to be measured", "",
                 "the task " + to_string(task.id) + " is " +
                     std::string(model::to_string(task.state)) + " after " +
                     std::to_string(task.attempt) + " attempts",
                 "Measure again while nothing fails and no result comes from the cache"};
  }

  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(error);
    over_ = true;
  }

  const LoadPlan& plan_;
  std::atomic<uint32_t>& done_;
  const std::atomic<bool>& stop_;
  std::vector<Duration> took_;  // each element is written by one thread
  MonoTime begin_{};
  std::atomic<uint32_t> next_ = 0;
  std::atomic<uint64_t> attempts_ = 0;
  std::atomic<bool> over_ = false;
  std::mutex mutex_;
  std::optional<Error> failure_;
};

}  // namespace

Result<BenchRun> run_load(const LoadPlan& plan, const Connect& connect, std::atomic<uint32_t>& done,
                          const std::atomic<bool>& stop) {
  return Load(plan, done, stop).run(connect);
}

}  // namespace kiln::cli
