#include "sandbox/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>

namespace kiln::sandbox {
namespace {

std::optional<int64_t> parse_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

// In one write(2).
int write_whole(const UniqueFd& file, std::string_view text) {
  if (!file) return errno;
  const ssize_t put = ::write(file.get(), text.data(), text.size());
  if (put < 0) return errno;
  return static_cast<size_t>(put) == text.size() ? 0 : EIO;
}

}  // namespace

std::optional<std::string> read_file(int directory, const char* path) {
  const UniqueFd fd(::openat(directory, path, O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::string out;
  std::array<char, 16384> chunk{};
  while (out.size() < kMaxSmallFile) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    out.append(chunk.data(), static_cast<size_t>(got));
  }
  return out;
}

std::optional<std::string> read_again(const UniqueFd& file) {
  std::array<char, 4096> text;  // NOLINT: filled by the kernel
  const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
  if (got < 0) return std::nullopt;
  return std::string(text.data(), static_cast<size_t>(got));
}

std::optional<int64_t> read_number_again(const UniqueFd& file) {
  const auto text = read_again(file);
  return text ? parse_number(*text) : std::nullopt;
}

int write_file(int directory, const char* path, std::string_view text) {
  return write_whole(UniqueFd(::openat(directory, path, O_WRONLY | O_CLOEXEC)), text);
}

int create_file(const std::string& path, std::string_view bytes) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  return write_whole(UniqueFd(::open(path.c_str(), kFlags, 0644)), bytes);
}

size_t thread_count() {
  size_t count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", error)) {
    count += entry.path().empty() ? 0U : 1U;
  }
  return count;
}

std::optional<int64_t> read_number(int directory, const char* path) {
  const auto text = read_file(directory, path);
  if (!text) return std::nullopt;
  return parse_number(*text);
}

std::optional<int64_t> keyed_number(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const bool found = line.size() > key.size() && line.starts_with(key);
    if (found && (line[key.size()] == ' ' || line[key.size()] == '\t')) {
      return parse_number(line.substr(key.size() + 1));
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return std::nullopt;
}

}  // namespace kiln::sandbox
