// Small files of /proc and cgroupfs, read and written whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace kiln::sandbox {

// The text, or nothing (errno says why). At most kMaxSmallFile bytes are read. `directory` as in
// openat(2); AT_FDCWD for absolute paths.
inline constexpr size_t kMaxSmallFile = 1U << 20U;
std::optional<std::string> read_file(int directory, const char* path);

// The same of an open file, from its start; for files that are read more than once.
std::optional<std::string> read_again(const UniqueFd& file);
std::optional<int64_t> read_number_again(const UniqueFd& file);

// 0 or an errno. The file must exist; the text goes in one write(2).
int write_file(int directory, const char* path, std::string_view text);

// A new file of exactly these bytes, mode 0644 but for the umask. 0 or an errno.
int create_file(const std::string& path, std::string_view bytes);

// Of this process; 0: /proc cannot be read.
size_t thread_count();

// A decimal number at the start of the file; nothing if there is no such file or no number.
std::optional<int64_t> read_number(int directory, const char* path);

// "oom_kill 3\nother 5\n" -> 3 for "oom_kill"; a tab may stand for the space. Nothing without such
// a line.
std::optional<int64_t> keyed_number(std::string_view text, std::string_view key);

}  // namespace kiln::sandbox
