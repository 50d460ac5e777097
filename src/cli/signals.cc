#include "cli/signals.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>

namespace kiln::cli {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action {};
    sigaction(number, nullptr, &action);
    if (action.sa_handler != SIG_IGN) sigaddset(&set, number);
  }
  return set;
}

void want_hangup() { signal(SIGHUP, SIG_DFL); }

void block_stop_signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Signals::Signals(std::function<void(int)> at_once, std::function<void()> on_hangup)
    : at_once_(std::move(at_once)), on_hangup_(std::move(on_hangup)) {
  const sigset_t set = stop_signals();
  signal_fd_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  thread_ = std::thread([this] { read_signals(); });
}

Signals::~Signals() {
  stop_.raise();
  thread_.join();
}

void Signals::read_signals() {
  for (;;) {
    std::array<pollfd, 2> polled = {pollfd{signal_fd_.get(), POLLIN, 0},
                                    pollfd{stop_.fd(), POLLIN, 0}};
    if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
    if (polled[1].revents != 0) return;
    signalfd_siginfo info{};
    if (read(signal_fd_.get(), &info, sizeof info) != sizeof info) continue;
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGHUP && on_hangup_) {
      on_hangup_();
      continue;
    }
    if (!orderly_ || first_ != 0) at_once_(number);
    first_ = number;
    wake_.raise();
  }
}

}  // namespace kiln::cli
