#include "cli/bench_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/table.h"

namespace kiln::cli {
namespace {

struct Figures {
  double seconds = 0;
  double per_second = 0;
  double p50 = 0, p90 = 0, p99 = 0, max = 0;  // milliseconds
};

double in_ms(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

Figures figures_of(const BenchRun& run) {
  std::vector<Duration> sorted = run.took;
  std::sort(sorted.begin(), sorted.end());
  Figures out;
  out.seconds = std::chrono::duration<double>(run.whole).count();
  out.per_second = static_cast<double>(sorted.size()) / std::max(out.seconds, 1e-9);
  out.p50 = in_ms(percentile(sorted, 50));
  out.p90 = in_ms(percentile(sorted, 90));
  out.p99 = in_ms(percentile(sorted, 99));
  out.max = in_ms(sorted.back());
  return out;
}

std::string number(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), value < 100 ? "%.2f" : "%.0f", value);
  return text.data();
}

}  // namespace

Duration percentile(const std::vector<Duration>& sorted, double percent) {
  const double rank = std::ceil(percent / 100 * static_cast<double>(sorted.size()));
  return sorted[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

std::vector<std::string> bench_lines(const BenchRun& run) {
  const Figures f = figures_of(run);
  return table(
      {"PATTERN", "LANGUAGE", "CLIENTS", "WINDOW", "TASKS", "CELLS", "TASKS/S", "P50 MS", "P90 MS",
       "P99 MS", "MAX MS"},
      {{run.pattern, run.language, std::to_string(run.clients), std::to_string(run.window),
        std::to_string(run.took.size()), std::to_string(run.attempts), number(f.per_second),
        number(f.p50), number(f.p90), number(f.p99), number(f.max)}});
}

std::string bench_json(const BenchRun& run) {
  const Figures f = figures_of(run);
  const nlohmann::ordered_json json = {
      {"pattern", run.pattern}, {"language", run.language}, {"broker", run.broker},
      {"clients", run.clients}, {"window", run.window},     {"tasks", run.took.size()},
      {"cells", run.attempts},  {"seconds", f.seconds},     {"tasks_per_second", f.per_second},
      {"p50_ms", f.p50},        {"p90_ms", f.p90},          {"p99_ms", f.p99},
      {"max_ms", f.max}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace kiln::cli
