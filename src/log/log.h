// Log lines: what happened, for people and for machines. One JSON object a line, or a readable line
// on a terminal. Written by a thread of its own, so that no caller waits for a disk; when it cannot
// follow, the oldest lines are dropped and counted (stop() tells how many).
//
// A line: {"time":"2026-01-02T03:04:05.678Z","level":"info","process":"broker","pid":7,
// "message":"listening","clients":"tcp://127.0.0.1:5570"}; the fields come last, in their order.
//
// Threads: start() and stop() from one, the rest from any. Not across fork(): start after it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"

namespace kiln::log {

enum class Level : uint8_t { debug, info, warning, error };
std::string_view to_string(Level level);
std::optional<Level> parse_level(std::string_view name);

enum class Format : uint8_t { automatic, json, readable };  // automatic: readable on a terminal

struct Options {
  std::string process;  // "broker"
  std::string file;     // appended to, created with mode 0600; "": standard error
  Level level = Level::info;
  Format format = Format::automatic;
};

inline constexpr size_t kQueueLines = 8'192;
inline constexpr size_t kMaxValueBytes = 4'096;  // of one message or value; the rest is cut off

// Keys are snake_case words of ours; values are any bytes (what is not UTF-8 becomes U+FFFD).
struct Field {
  std::string_view key;
  std::variant<std::string_view, int64_t, uint64_t, double, bool> value;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
  template <class Integer>
  requires std::is_integral_v<Integer> Field(std::string_view k, Integer v) : key(k) {
    if constexpr (std::is_signed_v<Integer>) {
      value = static_cast<int64_t>(v);
    } else {
      value = static_cast<uint64_t>(v);
    }
  }
};
using Fields = std::initializer_list<Field>;

// Errors: io_error (the file cannot be opened). Until start() and after stop(), lines from warning
// on go to standard error at once, in the readable form.
Status start(const Options& options);
// Writes what is queued and ends the thread.
void stop();
void set_level(Level level);
bool enabled(Level level);

void write(Level level, std::string_view message, Fields fields = {});
inline void debug(std::string_view message, Fields fields = {}) {
  if (enabled(Level::debug)) write(Level::debug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::info, message, fields);
}
inline void warning(std::string_view message, Fields fields = {}) {
  write(Level::warning, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::error, message, fields);
}
// A line for machines that count events: in JSON it has the time, the level, its name (as
// "message") and these fields, and nothing else. At level info.
void event(std::string_view name, Fields fields);
// `message`, then the error's code, field and text.
void failure(Level level, std::string_view message, const Error& error);

}  // namespace kiln::log
