// Runs a command of the operator's when tasks died: to send a mail, to page somebody. It gets one
// JSON line for each dead letter on its standard input. Whatever the command does, nothing of ours
// waits for it: one runs at a time, on a thread of this class, for kAlertTime at most; then it is
// killed with all that it started in its session. Letters that come meanwhile go to the next run.
//
// Threads: tell() from any; it never blocks.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "base/fd.h"
#include "base/time.h"

namespace kiln::actors {

inline constexpr Duration kAlertTime = std::chrono::seconds(10);
inline constexpr size_t kMaxAlertsWaiting = 1'000;  // above, the newest are dropped, and counted
inline constexpr size_t kMaxAlertsInOneRun = 100;

class AlertHook {
 public:
  // `command` goes to /bin/sh -c.
  explicit AlertHook(std::string command, Duration time = kAlertTime);
  // Kills what runs.
  ~AlertHook();
  AlertHook(const AlertHook&) = delete;
  AlertHook& operator=(const AlertHook&) = delete;

  void tell(std::string json_line);

 private:
  void work();
  // "": it ended with exit code 0; else what went wrong, for the log.
  std::string run(const std::string& input);
  std::string wait_for(int pid);
  const std::string command_;
  const Duration time_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> waiting_;
  size_t dropped_ = 0;
  bool stopping_ = false;
  UniqueFd stop_event_;  // eventfd(2): readable from the destructor on
  std::thread thread_;
};

}  // namespace kiln::actors
