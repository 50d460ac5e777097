#include "cli/bench_load.h"

#include <deque>
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
  // A task on its way: the requests that wait for answers.
  struct UnderWay {
    uint32_t number = 0;
    TaskId id;
    MonoTime due{};
    uint64_t submit = 0;
    std::optional<uint64_t> result = {};  // absent: not asked for
  };
  using Window = std::deque<UnderWay>;

  void work(net::Client& client) {
    Random random = seeded_random();
    Window window;
    for (Status done; done;) {
      std::optional<uint32_t> number;
      if (window.size() < plan_.window) number = next_number();
      if (!number && window.empty()) return;
      done = number ? begin(client, *number, random, window) : end_oldest(client, window);
      if (!done) fail(std::move(done).error());
    }
  }

  std::optional<uint32_t> next_number() {
    if (over_ || stop_) return std::nullopt;
    const uint32_t number = next_++;
    return number < plan_.tasks ? std::optional(number) : std::nullopt;
  }

  MonoTime wait_until_due(uint32_t n) const {
    if (!plan_.every) return real_now().mono;
    const MonoTime due = begin_ + n * *plan_.every;
    std::this_thread::sleep_for(due - real_now().mono);
    return due;
  }

  // A client with one task asks for its result once it is accepted; one with many does not wait.
  Status begin(net::Client& client, uint32_t number, Random& random, Window& window) {
    UnderWay task{number, make_id<TaskId>(real_now().wall, random), wait_until_due(number), 0};
    net::Submit submit;
    submit.task.id = task.id;
    submit.task.program.language = plan_.language;
    submit.task.program.code = plan_.code;
    submit.task.cache = false;
    auto rid = post(client, std::move(submit), window);
    if (!rid) return std::move(rid).error();
    task.submit = *rid;
    if (plan_.window > 1) {
      if (Status asked = ask(client, task, window); !asked) return asked;
    }
    window.push_back(task);
    return {};
  }

  Status ask(net::Client& client, UnderWay& task, Window& window) {
    net::ResultOf result;
    result.id = task.id;
    result.wait_ms = kWaitMs;
    auto rid = post(client, std::move(result), window);
    if (!rid) return std::move(rid).error();
    task.result = *rid;
    return {};
  }

  // While the socket is full it takes answers first.
  template <class Request>
  Result<uint64_t> post(net::Client& client, Request request, Window& window) {
    for (;;) {
      auto rid = client.post(request);
      if (rid || rid.error().code != ErrorCode::busy || window.empty()) return rid;
      if (Status done = end_oldest(client, window); !done) return std::move(done).error();
    }
  }

  Status end_oldest(net::Client& client, Window& window) {
    UnderWay task = window.front();
    window.pop_front();
    if (auto accepted = answer(client, task.submit); !accepted) return std::move(accepted).error();
    for (uint32_t asked = 0; asked < kMostQuestions && !stop_; ++asked) {
      if (!task.result) {
        if (Status s = ask(client, task, window); !s) return s;
      }
      auto ok = answer(client, *task.result);
      if (!ok) return std::move(ok).error();
      if (ok->task && model::is_terminal(ok->task->state)) return ended(task, *ok->task);
      task.result.reset();
    }
    return Error{ErrorCode::timeout, "the task " + to_string(task.id) + " does not end", "", "",
                 "Look with 'kiln workers' whether a worker has the language " + plan_.language};
  }

  static Result<net::Ok> answer(net::Client& client, uint64_t rid) {
    auto given = client.answer(rid, kAnswerTime);
    if (!given) return std::move(given).error();
    if (*given) return **std::move(given);
    return Error{ErrorCode::timeout, "the broker does not answer", "", "",
                 "Look whether it still runs, and try again"};
  }

  Status ended(const UnderWay& task, const net::TaskInfo& info) {
    took_[task.number] = real_now().mono - task.due;
    if (Status checked = check(info); !checked) return checked;
    ++done_;
    return {};
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
