#include "sandbox/warm/fit.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "model/task.h"

namespace kiln::sandbox::warm {
namespace {

constexpr std::array<std::string_view, 10> kPrefixes = {
    "PYTHON", "LC_", "LD_", "MALLOC_", "GLIBC_", "OPENBLAS_", "OMP_", "MKL_", "GOTO_", "NPY_"};
constexpr std::array<std::string_view, 4> kNames = {"LANG", "LANGUAGE", "HOME", "TZ"};

using Variables = std::vector<std::string_view>;

// Those that are read at the start, sorted.
Variables read_at_start(const char* const* variables) {
  Variables out;
  for (; variables != nullptr && *variables != nullptr; ++variables) {
    const std::string_view text(*variables);
    if (is_read_at_start(text.substr(0, text.find('=')))) out.push_back(text);
  }
  std::ranges::sort(out);
  return out;
}

bool has_arguments(const wire::RunView& program, const Interpreter& interpreter) {
  return program.argv.size() >= 3 && program.argv[0] == interpreter.path &&
         program.argv[1] == interpreter.main_file;
}

// What lies in /box and would be imported in place of something that is already, or is where the
// user's own site directory would be.
bool is_shadowed(const Interpreter& interpreter) {
  DIR* const box = ::opendir("/box");
  if (box == nullptr) return true;
  bool found = false;
  while (const dirent* const entry = ::readdir(box)) {
    const std::string_view name(entry->d_name);
    if (name == "." || name == "..") continue;
    found =
        found || name == ".local" || interpreter.modules.contains(name.substr(0, name.find('.')));
  }
  ::closedir(box);
  return found;
}

// PEP 263: in one of the first two lines, a comment with "coding:" or "coding=".
bool declares_encoding(std::string_view text) {
  for (int line = 0; line < 2 && !text.empty(); ++line) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    std::string_view words = text.substr(0, end);
    text.remove_prefix(end);
    text.remove_prefix(text.starts_with("\r\n") ? 2 : text.empty() ? 0 : 1);
    words.remove_prefix(std::min(words.find_first_not_of(" \t\f"), words.size()));
    if (!words.starts_with('#')) continue;
    for (const std::string_view mark : {"coding:", "coding="}) {
      if (words.find(mark) != std::string_view::npos) return true;
    }
  }
  return false;
}

}  // namespace

bool is_read_at_start(std::string_view name) {
  return std::ranges::find(kNames, name) != kNames.end() ||
         std::ranges::any_of(kPrefixes, [name](std::string_view p) { return name.starts_with(p); });
}

bool is_plain_source(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  return !text.starts_with(kByteOrderMark) && !declares_encoding(text) &&
         text.find('\0') == std::string_view::npos && model::is_utf8(text);
}

model::WarmStart fit(const wire::RunView& program, const Interpreter& interpreter,
                     std::string_view& source) {
  if (!has_arguments(program, interpreter)) return model::WarmStart::arguments;
  if (read_at_start(program.env.data()) != read_at_start(::environ))
    return model::WarmStart::environment;
  if (is_shadowed(interpreter)) return model::WarmStart::shadowed;
  constexpr std::string_view kBox = "/box/";
  const std::string_view name = std::string_view(interpreter.main_file).substr(kBox.size());
  const auto file = std::ranges::find_if(
      program.files, [name](const wire::FileView& f) { return f.name == name; });
  if (file == program.files.end()) return model::WarmStart::source;
  source = {reinterpret_cast<const char*>(file->bytes.data()), file->bytes.size()};
  return is_plain_source(source) ? model::WarmStart::warm : model::WarmStart::source;
}

}  // namespace kiln::sandbox::warm
