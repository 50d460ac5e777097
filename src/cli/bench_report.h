// What a benchmark measured, in figures for people and for programs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace kiln::cli {

struct BenchRun {
  std::string pattern;
  std::string language;
  std::string broker;  // "its own", or the endpoint
  uint32_t clients = 1;
  uint32_t window = 1;         // tasks that each had under way
  std::vector<Duration> took;  // of each task, from when it was due to be sent to its result
  Duration whole{};            // from the first submission to the last result
  uint64_t attempts = 0;       // of all tasks together: each used a cell
};

// The value below which `percent` of the sorted ones lie (nearest rank); they are not empty.
Duration percentile(const std::vector<Duration>& sorted, double percent);

std::vector<std::string> bench_lines(const BenchRun& run);
// {"pattern","language","broker","clients","window","tasks","cells","seconds","tasks_per_second",
// "p50_ms","p90_ms","p99_ms","max_ms"}
std::string bench_json(const BenchRun& run);

}  // namespace kiln::cli
