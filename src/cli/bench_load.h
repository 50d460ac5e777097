// Load on a broker: clients, each a connection and a thread of its own, that submit tasks and wait
// for their results.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/time.h"
#include "cli/bench_report.h"
#include "net/client.h"

namespace kiln::cli {

struct LoadPlan {
  std::string language;
  std::string code;
  uint32_t tasks = 1;
  uint32_t clients = 1;
  uint32_t window = 1;  // tasks that a client has under way at once
  // Task n is due so long after the first. What it took counts from then, even where no client was
  // free to send it: a slow broker does not make itself look better by slowing its clients.
  std::optional<Duration> every;  // absent: as soon as a client is free
};

using Connect = std::function<Result<std::unique_ptr<net::Client>>()>;

// Runs to the end, or until `stop` or the first failure. `done` counts the tasks that have ended.
// Fills in took, whole and attempts. Errors: the broker's; internal: a task did not end well, or
// what ran is not what was to be measured (a result from the cache, a second attempt).
Result<BenchRun> run_load(const LoadPlan& plan, const Connect& connect, std::atomic<uint32_t>& done,
                          const std::atomic<bool>& stop);

}  // namespace kiln::cli
