// Ctrl-C, SIGTERM and SIGHUP as events. They are blocked in every thread and read by one thread of
// this class, so that no code runs in a signal's handler and a second signal acts at once, whatever
// the main thread is waiting for.
//
// A signal that was ignored when kiln started (nohup, a background job of a script) stays ignored.
#pragma once

#include <signal.h>

#include <atomic>
#include <functional>
#include <thread>

#include "base/fd.h"
#include "cli/notice.h"

namespace kiln::cli {

// SIGINT, SIGTERM and SIGHUP, less those that are ignored.
sigset_t stop_signals();
// SIGHUP asks for something of us, even where it was ignored when kiln started. Call before those.
void want_hangup();
// Blocks them in this thread and in those it starts from now on. Call while single-threaded.
void block_stop_signals();

class Signals {
 public:
  // `at_once` is called on the signal thread with the signal's number, for a signal that must not
  // wait: any one before expect_orderly() or after the first one.
  // `on_hangup`, if there is one, is called for every SIGHUP instead, on the same thread.
  // Precondition: block_stop_signals() was called.
  explicit Signals(std::function<void(int)> at_once, std::function<void()> on_hangup = nullptr);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // From now on the first signal only raises wake_fd(): the main thread ends in order.
  void expect_orderly() { orderly_ = true; }
  int wake_fd() const { return wake_.fd(); }
  // Wakes the main thread without a signal, from any thread.
  void wake() { wake_.raise(); }
  int first() const { return first_; }  // its number; 0: none came

 private:
  void read_signals();

  std::function<void(int)> at_once_;
  std::function<void()> on_hangup_;
  UniqueFd signal_fd_;
  Notice wake_;
  Notice stop_;
  std::atomic<bool> orderly_ = false;
  std::atomic<int> first_ = 0;
  std::thread thread_;
};

}  // namespace kiln::cli
