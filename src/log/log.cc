#include "log/log.h"

#include <fcntl.h>
#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>

#include "base/fd.h"
#include "log/line.h"

namespace kiln::log {
namespace {

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warning", "error"};

// One for a process: lines come from everywhere.
struct Writer {
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::logger> logger;
  std::string process = "kiln";
  bool readable = true;
};

std::atomic<Level> g_level{Level::info};

std::atomic<std::shared_ptr<const Writer>>& current() {
  static std::atomic<std::shared_ptr<const Writer>> writer;
  return writer;
}

// spdlog would create the file with the process's umask: made here first, for its mode.
Status create_file(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) return errno_error(ErrorCode::io_error, "open the log file " + path, errno);
  return {};
}

Result<spdlog::sink_ptr> make_sink(const std::string& file) {
  if (file.empty()) return spdlog::sink_ptr(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (Status status = create_file(file); !status) return std::move(status).error();
  try {
    return spdlog::sink_ptr(std::make_shared<spdlog::sinks::basic_file_sink_mt>(file));
  } catch (const spdlog::spdlog_ex& e) {
    return Error{ErrorCode::io_error, "cannot open the log file " + file, "", e.what(), ""};
  }
}

bool is_readable(const Options& options) {
  if (options.format != Format::automatic) return options.format == Format::readable;
  return options.file.empty() && isatty(STDERR_FILENO) == 1;
}

void write_at_once(const std::string& text) {
  const std::string line = text + "\n";
  // A failed write to standard error can be told to nobody.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

std::string_view to_string(Level level) { return kLevels.at(static_cast<size_t>(level)); }

std::optional<Level> parse_level(std::string_view name) {
  for (size_t i = 0; i < kLevels.size(); ++i) {
    if (kLevels.at(i) == name) return static_cast<Level>(i);
  }
  return std::nullopt;
}

Status start(const Options& options) {
  auto sink = make_sink(options.file);
  if (!sink) return std::move(sink).error();
  (*sink)->set_pattern("%v");
  auto writer = std::make_shared<Writer>();
  writer->pool = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
  writer->logger = std::make_shared<spdlog::async_logger>(
      "kiln", *sink, writer->pool, spdlog::async_overflow_policy::overrun_oldest);
  writer->logger->flush_on(spdlog::level::info);
  writer->process = options.process;
  writer->readable = is_readable(options);
  g_level = options.level;
  current().store(std::move(writer));
  return {};
}

void stop() {
  const std::shared_ptr<const Writer> writer = current().load();
  if (!writer) return;
  if (const size_t lost = writer->pool->overrun_counter(); lost > 0) {
    warning("log lines were dropped, the log could not follow", {{"lines", lost}});
  }
  current().store(nullptr);
  // The last owner's pool writes what is queued and joins its thread.
}

void set_level(Level level) { g_level = level; }
bool enabled(Level level) { return level >= g_level.load(std::memory_order_relaxed); }

namespace {

void write_line(Level level, std::string_view message, Fields fields, bool is_event) {
  if (!enabled(level)) return;
  const std::shared_ptr<const Writer> writer = current().load();
  const Line line{real_now().wall, level,   writer ? std::string_view(writer->process) : "kiln",
                  getpid(),        message, fields,
                  is_event};
  if (writer) {
    const std::string text = writer->readable ? readable_line(line) : json_line(line);
    writer->logger->log(spdlog::level::info, "{}", text);
  } else if (level >= Level::warning) {
    write_at_once(readable_line(line));
  }
}

}  // namespace

void write(Level level, std::string_view message, Fields fields) {
  write_line(level, message, fields, false);
}

void event(std::string_view name, Fields fields) { write_line(Level::info, name, fields, true); }

void failure(Level level, std::string_view message, const Error& error) {
  write(level, message,
        {{"code", kiln::to_string(error.code)}, {"field", error.field}, {"error", error.text()}});
}

}  // namespace kiln::log
