// kiln serve: a broker and a worker as two child processes of this one.
//
// This process is single-threaded and only waits: for a signal, for the end of a child. It stays
// root until the worker, whose sandbox needs root to begin with, is forked; then it becomes the
// service user like its children. A broker that ends by itself is started again on the same ports
// and the same data, so no task is lost; a worker that ends by itself ends everything, since a new
// one would need root. Children die with their parent (PR_SET_PDEATHSIG).
//
// With keys the worker has one of its own, made here, and SIGHUP is passed on to the broker.
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "cli/check_config.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/process.h"
#include "cli/services.h"
#include "cli/signals.h"
#include "core/restart_policy.h"

namespace kiln::cli {
namespace {

constexpr Duration kWorkerStop = kDrainGrace + std::chrono::seconds(5);
constexpr Duration kBrokerStop = std::chrono::seconds(10);
constexpr size_t kMaxReadyLine = 4'096;

Status write_ready(int fd, const std::string& line) {
  if (write_bytes(fd, line + "\n", -1) == Written::all) return {};
  return errno_error(ErrorCode::internal, "tell that it is ready", errno);
}

class Supervisor {
 public:
  Supervisor(ServeOptions options, BrokerSetup broker, WorkerSetup worker)
      : options_(std::move(options)),
        broker_setup_(std::move(broker)),
        worker_setup_(std::move(worker)) {
    const sigset_t set = stop_signals();
    signal_fd_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  int run() {
    int code = start();
    if (code == kExitOk && !stopping_) code = watch();
    stop();
    return code;
  }

 private:
  // What a child's body does with its ready pipe; the parent's pid is what it must not outlive.
  Status start_broker() {
    auto child = fork_child("broker", [this, parent = getpid()](UniqueFd ready) {
      return run_broker(options_.broker, broker_setup_,
                        [&](const std::string& endpoints) -> Status {
                          if (!die_with_parent(parent))
                            return Error{ErrorCode::internal, "kiln serve is gone", {}, {}, {}};
                          return write_ready(ready.get(), endpoints);
                        });
    });
    if (!child) return std::move(child).error();
    broker_ = std::move(*child);
    return {};
  }

  Status start_worker() {
    options_.worker.broker.endpoint = options_.broker.workers;
    auto child = fork_child("worker", [this, parent = getpid()](UniqueFd ready) {
      return run_worker(options_.worker, worker_setup_, [&](const std::string& text) -> Status {
        if (!die_with_parent(parent))
          return Error{ErrorCode::internal, "kiln serve is gone", {}, {}, {}};
        return write_ready(ready.get(), text);
      });
    });
    if (!child) return std::move(child).error();
    worker_ = std::move(*child);
    return {};
  }

  // The child's ready line; "" when it ended first or a signal came.
  std::string wait_ready(const Child& child) {
    std::string line;
    while (!line.ends_with('\n') && line.size() < kMaxReadyLine) {
      std::array<pollfd, 2> polled = {pollfd{child.ready.get(), POLLIN, 0},
                                      pollfd{signal_fd_.get(), POLLIN, 0}};
      if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return "";
      if (polled[1].revents != 0 && take_signal()) return "";
      char c = 0;
      if (polled[0].revents != 0 && read(child.ready.get(), &c, 1) != 1) return "";
      if (polled[0].revents != 0) line += c;
    }
    line.pop_back();
    return line;
  }

  int start() {
    if (Status s = start_broker(); !s) return fail(s.error());
    const std::string line = wait_ready(broker_);
    if (line.empty()) return not_ready(broker_);
    // A broker that is started again listens where the first one did.
    const BrokerPlaces places = read_places(line);
    options_.broker.clients = places.clients;
    options_.broker.workers = places.workers;
    if (broker_setup_.http.address) {
      const size_t port = places.http.rfind(':') + 1;
      broker_setup_.http.address->port =
          static_cast<uint16_t>(std::stoul(places.http.substr(port)));
    }
    if (Status s = start_worker(); !s) return fail(s.error());
    if (Status s = drop_privileges(worker_setup_.user); !s) return fail(s.error());
    const std::string worker = wait_ready(worker_);
    if (worker.empty()) return not_ready(worker_);
    const Status printed =
        print_line("kiln serve: clients on " + options_.broker.clients + ", workers on " +
                   options_.broker.workers + ", HTTP on " + places.http + ", " + worker);
    return printed.ok() ? kExitOk : fail(printed.error());
  }

  // It said why on standard error itself, and how by its exit code.
  int not_ready(Child& child) {
    if (stopping_) return kExitOk;
    const auto status = wait_for_end(child.pid, kBrokerStop);
    child.pid = -1;
    if (!status) return kExitFailure;
    if (WIFSIGNALED(*status)) say("the " + child.name + " ended by " + describe_end(*status));
    return WIFEXITED(*status) ? WEXITSTATUS(*status) : kExitFailure;
  }

  int watch() {
    for (;;) {
      std::array<pollfd, 3> polled = {pollfd{signal_fd_.get(), POLLIN, 0},
                                      pollfd{broker_.pidfd.get(), POLLIN, 0},
                                      pollfd{worker_.pidfd.get(), POLLIN, 0}};
      if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return kExitFailure;
      if (polled[0].revents != 0 && take_signal()) return kExitOk;
      if (polled[2].revents != 0) return worker_ended();
      if (polled[1].revents != 0) {
        if (const int code = broker_ended(); code != kExitOk || stopping_) return code;
      }
    }
  }

  int worker_ended() {
    const auto status = wait_for_end(worker_.pid, kBrokerStop);
    worker_.pid = -1;
    const bool drained = status && WIFEXITED(*status) && WEXITSTATUS(*status) == kExitOk;
    const std::string how =
        drained ? "was drained" : "ended by " + describe_end(status.value_or(0));
    say("the worker " + how +
        ": ending the broker too. Queued tasks are kept; start kiln serve again");
    return drained ? kExitOk : kExitFailure;
  }

  int broker_ended() {
    const auto status = wait_for_end(broker_.pid, kBrokerStop);
    broker_.pid = -1;
    const std::string how = "the broker ended by " + describe_end(status.value_or(0));
    const auto pause = restarts_.failed(real_now().mono);
    if (!pause) {
      say(how + " for the " + std::to_string(restarts_.recent()) +
          "th time in a minute: giving up. Its tasks are kept in " + options_.broker.data);
      return kExitFailure;
    }
    say(how + ": starting it again");
    if (signaled_within(*pause)) return kExitOk;
    if (Status s = start_broker(); !s) return fail(s.error());
    if (wait_ready(broker_).empty()) return not_ready(broker_);
    return kExitOk;
  }

  bool signaled_within(Duration time) {
    pollfd polled{signal_fd_.get(), POLLIN, 0};
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time).count();
    return poll(&polled, 1, static_cast<int>(ms)) > 0 && take_signal();
  }

  // True: it ends us.
  bool take_signal() {
    signalfd_siginfo info{};
    if (read(signal_fd_.get(), &info, sizeof info) != sizeof info) return false;
    if (info.ssi_signo == SIGHUP && broker_setup_.keys) {
      if (broker_.pid > 0) kill(broker_.pid, SIGHUP);
      return false;
    }
    stopping_ = true;
    return true;
  }

  // The worker first: its last results still find the broker.
  void stop() {
    end(worker_, kWorkerStop);
    end(broker_, kBrokerStop);
  }

  // SIGTERM; another signal to us is passed on (to end at once); SIGKILL when patience is over.
  void end(Child& child, Duration patience) {
    if (child.pid < 0) return;
    kill(child.pid, SIGTERM);
    const MonoTime deadline = real_now().mono + patience;
    for (MonoTime now = real_now().mono; now < deadline; now = real_now().mono) {
      std::array<pollfd, 2> polled = {pollfd{child.pidfd.get(), POLLIN, 0},
                                      pollfd{signal_fd_.get(), POLLIN, 0}};
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
      poll(polled.data(), polled.size(), static_cast<int>(left.count()));
      if (polled[0].revents != 0) break;
      if (polled[1].revents != 0 && take_signal()) kill(child.pid, SIGTERM);
    }
    if (!wait_for_end(child.pid, Duration(0))) {
      say("the " + child.name + " did not end in time: killing it");
      kill(child.pid, SIGKILL);
      wait_for_end(child.pid, kBrokerStop);
    }
    child.pid = -1;
  }

  ServeOptions options_;
  BrokerSetup broker_setup_;
  WorkerSetup worker_setup_;
  UniqueFd signal_fd_;
  Child broker_;
  Child worker_;
  core::RestartPolicy restarts_;
  bool stopping_ = false;
};

}  // namespace

int execute(const ServeOptions& typed) {
  if (typed.check.wanted) return check_config(typed);
  ServeOptions options = typed;
  options.worker.log_level = options.broker.log_level;
  if (Status s = complete(options.worker); !s) return fail(s.error());
  auto broker = prepare_broker(options.broker);
  if (!broker) return fail(broker.error());
  WorkerSetup worker{broker->user, std::nullopt};
  if (broker->keys) {
    worker.keys = net::ClientKeys{net::generate_keypair(), broker->keys->public_key};
    broker->own_worker = worker.keys->own.public_key;
  }
  block_stop_signals();
  return Supervisor(std::move(options), std::move(*broker), std::move(worker)).run();
}

}  // namespace kiln::cli
