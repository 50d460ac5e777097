// How often what failed is started again. Pure: one policy for each supervisor, whether its
// children are actors or processes.
//
// Each failure within the window doubles the wait before the next start; more failures than the
// window allows mean that starting again does not help, and the supervisor gives up itself
// (escalation), as in Erlang/OTP's restart intensity
// (https://www.erlang.org/doc/system/sup_princ.html).
#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "base/time.h"

namespace kiln::core {

struct RestartOptions {
  size_t max_restarts = 5;  // within the window
  Duration window = std::chrono::minutes(1);
  Duration first_delay = std::chrono::milliseconds(10);
  Duration max_delay = std::chrono::seconds(1);
};

class RestartPolicy {
 public:
  explicit RestartPolicy(RestartOptions options = {}) : options_(options) {}

  // A child failed: how long to wait before it is started again; nothing: give up.
  std::optional<Duration> failed(MonoTime now);
  // Failures within the window that ended now.
  size_t recent() const { return failures_.size(); }

 private:
  RestartOptions options_;
  std::deque<MonoTime> failures_;
};

}  // namespace kiln::core
