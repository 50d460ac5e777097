// kiln bench: how fast a broker and its workers are, here or elsewhere.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "cli/access.h"
#include "cli/ask.h"
#include "cli/bench_load.h"
#include "cli/commands.h"
#include "cli/embedded.h"

namespace kiln::cli {
namespace {

constexpr Duration kSparse = std::chrono::milliseconds(100);
constexpr int kProgressMs = 200;
constexpr uint32_t kBarWidth = 40;

LoadPlan plan_of(const BenchOptions& options) {
  LoadPlan plan;
  plan.language = options.noop ? std::string(config::kNoop) : "python";
  plan.code = options.noop ? "-" : "print('hi')";
  plan.tasks = options.tasks;
  const bool one = options.pattern == "latency" || options.pattern == "sparse";
  plan.clients = one ? 1 : std::min(options.clients, options.tasks);
  if (options.pattern == "throughput") plan.window = options.window;
  if (options.pattern == "sparse") plan.every = kSparse;
  if (options.pattern == "rate") {
    plan.every =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / options.rate));
  }
  return plan;
}

// A line on a terminal's standard error that is written over; nothing elsewhere.
class Progress {
 public:
  Progress(const std::atomic<uint32_t>& done, uint32_t tasks)
      : done_(done), tasks_(tasks), shown_(isatty(STDERR_FILENO) != 0) {}
  void show() const {
    if (!shown_) return;
    const auto filled = static_cast<size_t>(uint64_t{kBarWidth} * done_ / tasks_);
    write("\r[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] " +
          std::to_string(done_) + "/" + std::to_string(tasks_));
  }
  void clear() const {
    if (shown_) write("\r\033[K");
  }

 private:
  static void write(const std::string& text) { write_bytes(STDERR_FILENO, text, -1); }
  const std::atomic<uint32_t>& done_;
  const uint32_t tasks_;
  const bool shown_;
};

// The load in a thread; this one shows how far it is and listens for Ctrl-C.
Result<BenchRun> measure(const LoadPlan& plan, const BrokerAccess& broker, Signals& signals) {
  std::atomic<uint32_t> done = 0;
  std::atomic<bool> stop = false;
  std::atomic<bool> over = false;
  std::optional<Result<BenchRun>> run;
  std::thread load([&] {
    run.emplace(run_load(
        plan, [&] { return connect(broker); }, done, stop));
    over = true;
  });
  const Progress progress(done, plan.tasks);
  while (!over) {
    progress.show();
    // After a signal each client still waits for the task it has.
    pollfd wake{stop ? -1 : signals.wake_fd(), POLLIN, 0};
    if (poll(&wake, 1, kProgressMs) > 0) stop = true;
  }
  load.join();
  progress.clear();
  return std::move(*run);
}

int report(Result<BenchRun> measured, const BenchOptions& options, const LoadPlan& plan,
           const Signals& signals) {
  if (signals.first() != 0) return kExitSignalBase + signals.first();
  if (!measured) return fail(measured.error());
  BenchRun& run = *measured;
  run.pattern = options.pattern;
  run.language = plan.language;
  run.clients = plan.clients;
  run.window = plan.window;
  run.broker = options.broker.endpoint.empty() ? "its own" : options.broker.endpoint;
  return print_lines(options.json ? std::vector{bench_json(run)} : bench_lines(run));
}

int measure_embedded(const BenchOptions& options, const LoadPlan& plan) {
  const config::Language language =
      options.noop ? config::noop_language() : *config::default_languages().find(plan.language);
  const uint32_t slots =
      options.slots != 0 ? options.slots : std::max(1U, std::thread::hardware_concurrency());
  auto embedded = Embedded::start(language, slots);
  if (!embedded) return fail(embedded.error());
  Signals& signals = (*embedded)->signals();
  signals.expect_orderly();
  auto run = measure(plan, {(*embedded)->endpoint(), "", ""}, signals);
  if (const auto fatal = (*embedded)->fatal()) return fail(*fatal);
  return report(std::move(run), options, plan, signals);
}

}  // namespace

int execute(const BenchOptions& options) {
  const LoadPlan plan = plan_of(options);
  block_stop_signals();
  if (options.broker.endpoint.empty()) return measure_embedded(options, plan);
  signal(SIGPIPE, SIG_IGN);
  Signals signals([](int number) { _exit(kExitSignalBase + number); });
  signals.expect_orderly();
  return report(measure(plan, options.broker, signals), options, plan, signals);
}

}  // namespace kiln::cli
