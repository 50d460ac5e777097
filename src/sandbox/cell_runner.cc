#include "sandbox/cell_runner.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <future>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>

#include "base/time.h"
#include "sandbox/runner_loop.h"

namespace kiln::sandbox {
namespace {

// From the order to stop until every cell must be gone; the launcher itself gives up on one
// earlier.
constexpr std::chrono::seconds kStopTimeout{8};

int64_t now_us() { return to_micros(real_now().mono); }

uint32_t cause_of(KillReason reason) {
  return reason == KillReason::cancelled ? wire::kCancelled : wire::kShutdown;
}

struct Command {
  CellId id = 0;
  std::optional<RunnerJob> job;  // to run; none: to kill
  uint32_t causes = 0;
};

}  // namespace

class CellRunner::Impl {
 public:
  Impl(RunnerOptions options, CellHandlers handlers)
      : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        loop_(std::move(options.monitor_socket), std::move(handlers),
              [this](Status status) { started_.set_value(std::move(status)); }) {}

  Status start() {
    if (!wake_) return errno_error(ErrorCode::sandbox, "make an eventfd", errno);
    auto started = started_.get_future();
    thread_ = std::thread([this] { work(); });
    if (started.wait_for(kLauncherStartTimeout) == std::future_status::ready) return started.get();
    return describe({Step::launcher_start, ETIMEDOUT, -1});
  }

  void push(Command command) {
    {
      const std::lock_guard lock(mutex_);
      inbox_.push_back(std::move(command));
    }
    wake();
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake();
    const std::lock_guard lock(join_mutex_);
    if (thread_.joinable()) thread_.join();
  }

 private:
  void wake() { ::eventfd_write(wake_.get(), 1); }

  // True: told to stop.
  bool take_commands() {
    eventfd_t ignored = 0;
    ::eventfd_read(wake_.get(), &ignored);
    std::deque<Command> commands;
    bool stopping = false;
    {
      const std::lock_guard lock(mutex_);
      commands.swap(inbox_);
      stopping = stopping_;
    }
    for (Command& command : commands) {
      if (command.job) {
        loop_.add(command.id, std::move(*command.job));
      } else {
        loop_.kill(command.id, command.causes);
      }
    }
    return stopping;
  }

  void work() {
    while (!take_commands()) loop_.turn(wake_.get(), std::numeric_limits<int64_t>::max());
    const int64_t deadline = now_us() + std::chrono::microseconds(kStopTimeout).count();
    loop_.kill_all(wire::kShutdown);
    while (!loop_.idle() && now_us() < deadline) loop_.turn(-1, deadline);
    loop_.abandon_all({Step::teardown, ETIMEDOUT, -1});
    loop_.close();
  }

  UniqueFd wake_;
  std::promise<Status> started_;
  RunnerLoop loop_;  // the thread's
  std::thread thread_;
  std::mutex join_mutex_;

  std::mutex mutex_;  // guards what follows
  std::deque<Command> inbox_;
  bool stopping_ = false;
};

CellRunner::CellRunner(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

CellRunner::~CellRunner() { stop(); }

Result<std::unique_ptr<CellRunner>> CellRunner::start(RunnerOptions options,
                                                      CellHandlers handlers) {
  std::unique_ptr<CellRunner> runner(
      new CellRunner(std::make_unique<Impl>(std::move(options), std::move(handlers))));
  if (Status status = runner->impl_->start(); !status) return std::move(status).error();
  return runner;
}

void CellRunner::run(CellId id, CellRequest request) {
  impl_->push({id, make_job(id, request, now_us()), 0});
}

void CellRunner::kill(CellId id, KillReason reason) {
  impl_->push({id, std::nullopt, cause_of(reason)});
}

void CellRunner::stop() { impl_->stop(); }

}  // namespace kiln::sandbox
