#include "cli/receipt.h"

#include <string.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "cli/console.h"
#include "model/limits.h"

namespace kiln::cli {
namespace {

constexpr double kMicrosPerSecond = 1e6;
constexpr double kMicrosPerMilli = 1e3;

std::string decimal(double value, int digits) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", digits, value);
  return buffer.data();
}

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name == nullptr ? "signal " + std::to_string(number) : "SIG" + std::string(name);
}

std::string how_it_ended(const model::TaskResult& result) {
  std::string text(to_string(result.verdict));
  if (result.signal) return text + " (" + signal_name(*result.signal) + ")";
  if (result.exit_code.value_or(0) != 0) {
    return text + " (exit code " + std::to_string(*result.exit_code) + ")";
  }
  return text;
}

std::string seconds(int64_t us) {
  return decimal(static_cast<double>(us) / kMicrosPerSecond, 3) + " s";
}

std::string cost_text(const model::Cost& cost) {
  std::string text = ", wall " + seconds(cost.wall_us);
  if (cost.cpu_us) text += ", cpu " + seconds(*cost.cpu_us);
  // The larger of the two: shared pages are charged to whoever touched them first.
  const auto memory = std::max(cost.memory_charged_bytes, cost.memory_rss_bytes);
  if (memory) {
    const double mb = static_cast<double>(*memory) / static_cast<double>(model::kMB);
    text += ", peak memory " + decimal(mb, 1) + " MB";
  }
  if (cost.compile_us) text += ", compiled in " + seconds(*cost.compile_us);
  const double setup_ms = static_cast<double>(cost.setup_us) / kMicrosPerMilli;
  return text + ", set-up " + decimal(setup_ms, 1) + " ms";
}

}  // namespace

std::string receipt(const model::TaskResult& result) {
  std::string text = how_it_ended(result) + cost_text(result.cost);
  for (size_t i = 0; i < result.limits_hit.size(); ++i) {
    text += (i == 0 ? ", limits hit: " : " ") + std::string(to_string(result.limits_hit[i]));
  }
  if (const size_t count = result.artifacts.size()) {
    text += ", " + std::to_string(count) + (count == 1 ? " artifact" : " artifacts");
  }
  if (result.weak_isolation) text += ", weak_isolation";
  if (!result.message.empty()) text += ": " + result.message;
  return text;
}

void say_refused(const model::TaskResult& result) {
  for (const std::string& line : result.artifacts_refused) say("not taken from /box/out: " + line);
}

std::string cut_note(const char* stream, const model::StreamOutput& output) {
  if (!output.truncated) return "";
  return std::string(stream) + " was cut: " + std::to_string(output.dropped_bytes) +
         " bytes beyond the first " + std::to_string(output.bytes.size()) + " were dropped";
}

std::vector<std::string> history_lines(const std::vector<net::EventInfo>& history) {
  std::vector<std::string> lines;
  for (const net::EventInfo& event : history) {
    std::string line = format_utc(event.at) + " " + std::string(to_string(event.state));
    if (event.attempt > 0) line += ", attempt " + std::to_string(event.attempt);
    if (!event.worker.empty()) line += " on " + event.worker;
    if (event.verdict != model::Verdict::none) line += ": " + std::string(to_string(event.verdict));
    if (!event.note.empty()) line += "; " + event.note;
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace kiln::cli
