#include "cli/task_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <limits>

#include "base/fd.h"
#include "cli/input_files.h"
#include "config/nearest.h"

namespace kiln::cli {
namespace {

constexpr int64_t kMsPerSecond = 1'000;
constexpr size_t kMsDigits = 3;
constexpr size_t kReadPiece = size_t{1} << 16U;

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Digits only; nothing where it does not fit.
std::optional<int64_t> whole_number(std::string_view digits) {
  int64_t value = 0;
  for (const char c : digits) {
    if (__builtin_mul_overflow(value, 10, &value)) return std::nullopt;
    if (__builtin_add_overflow(value, c - '0', &value)) return std::nullopt;
  }
  return value;
}

Error not_a_number(std::string_view option, std::string_view text, std::string_view wanted) {
  return field_error(option, std::string(option) + " must be " + std::string(wanted) + ", not \"" +
                                 std::string(text) + "\"");
}

Error not_readable(const std::string& path, std::string_view what, int error_number) {
  const bool theirs = error_number == ENOENT || error_number == ENOTDIR;
  return errno_error(theirs ? ErrorCode::invalid_argument : ErrorCode::io_error,
                     "read " + std::string(what) + " " + path, error_number);
}

Error is_directory(const std::string& path, std::string_view what) {
  return Error{ErrorCode::invalid_argument, std::string(what) + " " + path + " is a directory", "",
               "", "Name a file"};
}

Error is_too_large(const std::string& path, std::string_view what, size_t limit) {
  return Error{ErrorCode::too_large,
               std::string(what) + " " + path + " is larger than " + std::to_string(limit) +
                   " bytes, the most that is taken",
               "", "", ""};
}

// One byte more than `limit` is read, to know.
Result<std::string> read_all(int fd, const std::string& path, std::string_view what, size_t limit) {
  std::string bytes;
  while (bytes.size() <= limit) {
    const size_t had = bytes.size();
    bytes.resize(had + std::min(kReadPiece, limit + 1 - had));
    const ssize_t count = read(fd, bytes.data() + had, bytes.size() - had);
    bytes.resize(had + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) return bytes;
    if (count < 0 && errno != EINTR) {
      return errno == EISDIR ? is_directory(path, what) : not_readable(path, what, errno);
    }
  }
  return is_too_large(path, what, limit);
}

Result<std::string> language_of(const std::string& path, const std::string& chosen,
                                const config::Languages& languages, bool local) {
  const std::string known = languages.names();
  if (!chosen.empty()) {
    if (!local || languages.find(chosen) != nullptr) return chosen;
    std::vector<std::string_view> names;
    for (const config::Language& language : languages.all()) names.push_back(language.name);
    return Error{ErrorCode::unknown_language, "unknown language \"" + chosen + "\"", "language", "",
                 config::allowed_hint(chosen, names)};
  }
  std::string extension = std::filesystem::path(path).extension().string();
  if (extension.starts_with('.')) extension.erase(0, 1);
  if (const auto* found = languages.find_by_extension(extension)) return found->name;
  return Error{ErrorCode::unknown_language,
               path == "-" ? "a program from standard input has no extension to tell its language"
                           : "no language is known by the extension of " + path,
               "language", "", "Add --language with one of: " + known};
}

// NAME=VALUE; the name ends at the first "=".
Result<model::EnvVar> parse_variable(const std::string& option) {
  const size_t equals = option.find('=');
  if (equals == std::string::npos || equals == 0) {
    return field_error("--env", "--env has \"" + option + "\", which is no NAME=VALUE");
  }
  return model::EnvVar{option.substr(0, equals), option.substr(equals + 1)};
}

Status read_limit(const std::string& option, model::LimitsRequest& limits) {
  const size_t equals = option.find('=');
  const std::string name = option.substr(0, equals);
  const auto known = std::ranges::find(model::limit_fields(), name, &model::LimitField::name);
  if (equals == std::string::npos || known == model::limit_fields().end()) {
    std::vector<std::string_view> names;
    for (const model::LimitField& field : model::limit_fields()) names.push_back(field.name);
    return field_error("--limit", "--limit has \"" + option + "\", which names no limit",
                       config::allowed_hint(name, names));
  }
  const std::string_view digits = std::string_view(option).substr(equals + 1);
  const auto value = is_digits(digits) ? whole_number(digits) : std::nullopt;
  if (!value) return not_a_number("--limit", option, "NAME=NUMBER with a whole number");
  return limits.set(name, *value);
}

Status read_limits(const TaskOptions& options, model::LimitsRequest& limits) {
  for (const std::string& option : options.limits) {
    if (Status s = read_limit(option, limits); !s) return s;
  }
  if (!options.timeout.empty()) {
    const auto ms = parse_seconds("--timeout", options.timeout);
    if (!ms) return ms.error();
    if (Status s = limits.set("wall_ms", *ms); !s) return s;
  }
  if (!options.memory.empty()) {
    const auto bytes = parse_megabytes("--memory", options.memory);
    if (!bytes) return bytes.error();
    if (Status s = limits.set("memory_bytes", *bytes); !s) return s;
  }
  return {};
}

Status read_program(const std::string& path, const TaskOptions& options, TaskInput& into) {
  model::Program& program = into.spec.program;
  if (path == "-" && options.stdin_path == "-") {
    return field_error("--stdin", "standard input cannot be both the program and its input",
                       "Put one of them in a file");
  }
  auto code = read_input(path, "the program", model::kMaxCodeBytes);
  if (!code) return std::move(code).error();
  program.code = std::move(*code);
  if (!options.stdin_path.empty()) {
    auto input = read_input(options.stdin_path, "the input", model::kMaxStdinBytes);
    if (!input) return std::move(input).error();
    program.stdin_bytes = std::move(*input);
  }
  for (const std::string& option : options.files) {
    if (Status s = read_input_files(option, program.files, into.uploads); !s) return s;
  }
  for (const std::string& option : options.env) {
    auto variable = parse_variable(option);
    if (!variable) return std::move(variable).error();
    program.env.push_back(std::move(*variable));
  }
  program.args = options.args;
  return {};
}

}  // namespace

Result<int64_t> parse_seconds(std::string_view option, std::string_view text) {
  constexpr std::string_view kWanted = "a positive number of seconds, such as 2 or 0.5";
  const size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  std::string fraction(dot == std::string_view::npos ? "0" : text.substr(dot + 1));
  if (!is_digits(whole) || !is_digits(fraction)) return not_a_number(option, text, kWanted);
  fraction.resize(kMsDigits, '0');  // what is below a millisecond is cut off
  const std::optional<int64_t> seconds = whole_number(whole);
  int64_t ms = *whole_number(fraction);
  if (!seconds || *seconds > std::numeric_limits<int64_t>::max() / kMsPerSecond - 1) {
    return not_a_number(option, text, "a number of seconds that fits in 64 bits");
  }
  ms += *seconds * kMsPerSecond;
  if (ms < 1) return not_a_number(option, text, kWanted);
  return ms;
}

Result<int64_t> parse_megabytes(std::string_view option, std::string_view text) {
  if (!is_digits(text)) return not_a_number(option, text, "a positive whole number of MB");
  const std::optional<int64_t> mb = whole_number(text);
  if (!mb || *mb > std::numeric_limits<int64_t>::max() / model::kMB) {
    return not_a_number(option, text, "a number of MB that fits in 64 bits");
  }
  if (*mb < 1) return not_a_number(option, text, "a positive whole number of MB");
  return *mb * model::kMB;
}

Result<std::vector<model::RetryReason>> parse_retry_reasons(const std::vector<std::string>& words) {
  std::vector<model::RetryReason> reasons;
  for (const std::string& word : words) {
    const auto reason = model::parse_retry_reason(word);
    if (!reason) {
      return field_error("retry-on", "there is no retry reason '" + word + "'",
                         "Such as timeout, memory, os_error or nonzero_exit");
    }
    reasons.push_back(*reason);
  }
  return reasons;
}

Result<TaskId> parse_task_id(std::string_view text) {
  if (const auto id = parse_id<TaskId>(text)) return *id;
  return field_error("id", "\"" + std::string(text) + "\" is no task id",
                     "A task id is a UUID, as kiln submit prints it");
}

Result<std::string> read_input(const std::string& path, std::string_view what, size_t limit) {
  if (path == "-") return read_all(STDIN_FILENO, "(standard input)", what, limit);
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return not_readable(path, what, errno);
  return read_all(fd.get(), path, what, limit);
}

Result<TaskInput> read_task(const std::string& path, const TaskOptions& options,
                            const config::Languages& languages, bool local) {
  TaskInput input;
  model::TaskSpec& spec = input.spec;
  auto language = language_of(path, options.language, languages, local);
  if (!language) return std::move(language).error();
  spec.program.language = std::move(*language);
  if (Status s = read_limits(options, spec.program.limits); !s) return std::move(s).error();
  if (Status s = read_program(path, options, input); !s) return std::move(s).error();
  if (Status s = model::validate(spec); !s) return std::move(s).error();
  return input;
}

}  // namespace kiln::cli
