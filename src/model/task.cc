#include "model/task.h"

#include <algorithm>

#include "model/paths.h"

namespace kiln::model {
namespace {

bool is_name_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

// "queue name with a slash" must not break a terminal or a log: show what is printable.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMaxNameLength)) {
    out.push_back(c >= ' ' && c <= '~' ? c : '?');
  }
  return out;
}

Error too_large(std::string field, size_t size, size_t maximum, std::string_view unit) {
  std::string message = field + " has " + std::to_string(size) + ' ' + std::string(unit) +
                        ", but at most " + std::to_string(maximum) + " are accepted";
  return Error{ErrorCode::too_large, std::move(message), std::move(field), "", ""};
}

Status check_size(std::string field, size_t size, size_t maximum, std::string_view unit) {
  if (size > maximum) return too_large(std::move(field), size, maximum, unit);
  return {};
}

Status check_no_nul(std::string field, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    std::string message = field + " has a NUL byte, which cannot be passed to a program";
    return field_error(field, std::move(message));
  }
  return {};
}

Status validate_args(const std::vector<std::string>& args) {
  if (Status s = check_size("args", args.size(), kMaxArguments, "entries"); !s) return s;
  for (const std::string& arg : args) {
    if (Status s = check_no_nul("args", arg); !s) return s;
    if (Status s = check_size("args", arg.size(), kMaxTextBytes, "bytes in one entry"); !s)
      return s;
  }
  return {};
}

Status validate_env(const std::vector<EnvVar>& env) {
  if (Status s = check_size("env", env.size(), kMaxEnvironment, "entries"); !s) return s;
  for (const EnvVar& var : env) {
    if (var.name.empty() || var.name.find('=') != std::string::npos) {
      return field_error("env", "env has a variable whose name is empty or has '='");
    }
    if (Status s = check_no_nul("env", var.name); !s) return s;
    if (Status s = check_no_nul("env", var.value); !s) return s;
    const size_t size = var.name.size() + var.value.size() + 1;
    if (Status s = check_size("env", size, kMaxTextBytes, "bytes in one variable"); !s) return s;
  }
  return {};
}

// The first path that goes through another one, as "a/b" through "a"; "" if none does.
std::string_view path_inside_file(const std::vector<std::string_view>& sorted) {
  for (const std::string_view path : sorted) {
    for (size_t i = path.find('/'); i != std::string_view::npos; i = path.find('/', i + 1)) {
      if (std::ranges::binary_search(sorted, path.substr(0, i))) return path;
    }
  }
  return "";
}

Status validate_content(const InputFile& file) {
  const std::string field = "files[" + shown(file.path) + "]";
  if (file.blob) {
    Status s = validate(*file.blob);
    if (s.ok()) return s;
    Error error = std::move(s).error();
    error.field = field + "." + error.field;
    return error;
  }
  Status s = check_size(field, file.bytes.size(), kMaxInlineFileBytes, "bytes");
  if (s.ok()) return s;
  Error error = std::move(s).error();
  error.hint = "Put it as a blob, and name that";
  return error;
}

Status validate_files(const std::vector<InputFile>& files) {
  if (Status s = check_size("files", files.size(), kMaxFiles, "entries"); !s) return s;
  std::vector<std::string_view> paths;
  for (const InputFile& file : files) {
    if (!is_safe_path(file.path)) {
      return field_error("files", "files has the path '" + shown(file.path) + "'",
                         "Use a relative path without '.', '..' or empty parts");
    }
    if (Status s = validate_content(file); !s) return s;
    if (file.path == kArtifactDirectory) {
      return field_error("files", "'" + file.path + "' is the directory of the artifacts",
                         "Give the file another name, or put it below");
    }
    paths.push_back(file.path);
  }
  std::ranges::sort(paths);
  if (const auto twice = std::ranges::adjacent_find(paths); twice != paths.end()) {
    return field_error("files", "files has the path '" + shown(*twice) + "' twice");
  }
  if (const std::string_view inside = path_inside_file(paths); !inside.empty()) {
    return field_error("files", "files has the path '" + shown(inside) + "' inside another file");
  }
  return {};
}

// What the files take of /box; that they need inodes and pages beside is the program's affair.
Status validate_room(const Program& program) {
  uint64_t bytes = 0;
  for (const InputFile& file : program.files) {
    bytes += file.blob ? file.blob->size : file.bytes.size();
  }
  const auto room = static_cast<uint64_t>(resolve_limits(program.limits).box_bytes);
  if (bytes <= room) return {};
  return Error{ErrorCode::too_large,
               "the input files have " + std::to_string(bytes) + " bytes together, but /box has " +
                   std::to_string(room),
               "files", "", "Raise limits.box_bytes and limits.memory_bytes, or send less"};
}

Status validate_program(const Program& program) {
  if (Status s = validate_name("language", program.language); !s) return s;
  if (program.code.empty()) return field_error("code", "code is empty", "Send a program");
  if (Status s = check_size("code", program.code.size(), kMaxCodeBytes, "bytes"); !s) return s;
  if (!is_utf8(program.code)) {
    return field_error("code", "code is not valid UTF-8",
                       "Save the program as UTF-8, or send bytes as a file");
  }
  if (Status s = check_size("stdin", program.stdin_bytes.size(), kMaxStdinBytes, "bytes"); !s) {
    return s;
  }
  if (Status s = validate_args(program.args); !s) return s;
  if (Status s = validate_env(program.env); !s) return s;
  if (Status s = validate_files(program.files); !s) return s;
  return validate_room(program);
}

// Length of the UTF-8 sequence that starts at text[i], 0 if it is none.
size_t utf8_length(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char lead = byte(i);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || i + length > text.size()) return 0;
  for (size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0U) != 0x80) return 0;
  }
  const unsigned char second = byte(i + 1);
  if (lead == 0xE0 && second < 0xA0) return 0;  // overlong
  if (lead == 0xED && second > 0x9F) return 0;  // surrogates
  if (lead == 0xF0 && second < 0x90) return 0;  // overlong
  if (lead == 0xF4 && second > 0x8F) return 0;  // above U+10FFFF
  return length;
}

void add_program(FieldHasher& hash, const Program& program) {
  hash.add(program.language).add(program.code).add(program.stdin_bytes);
  hash.add(program.args.size());
  for (const std::string& arg : program.args) hash.add(arg);

  std::vector<const EnvVar*> env;
  for (const EnvVar& var : program.env) env.push_back(&var);
  std::ranges::stable_sort(env, {}, [](const EnvVar* var) { return std::string_view(var->name); });
  hash.add(env.size());
  for (const EnvVar* var : env) hash.add(var->name).add(var->value);

  std::vector<const InputFile*> files;
  for (const InputFile& file : program.files) files.push_back(&file);
  std::ranges::sort(files, {}, [](const InputFile* file) { return std::string_view(file->path); });
  hash.add(files.size());
  for (const InputFile* file : files) {
    const Sha256 content = file->blob ? file->blob->sha256 : sha256(file->bytes);
    hash.add(file->path).add(to_hex(content));
  }

  const Limits limits = resolve_limits(program.limits);
  for (const LimitField& field : limit_fields()) {
    hash.add(static_cast<uint64_t>(limits.*field.member));
  }
}

Status validate_range(std::string_view field, const auto& value, uint64_t least, uint64_t most) {
  if (!value || (*value >= 0 && static_cast<uint64_t>(*value) >= least &&
                 static_cast<uint64_t>(*value) <= most)) {
    return {};
  }
  const std::string name(field);
  return field_error(field, name + " is " + std::to_string(*value) + ", but must be " +
                                std::to_string(least) + " to " + std::to_string(most));
}

Status validate_retries(const TaskSpec& spec) {
  if (Status s = validate_range("max_retries", spec.max_retries, 0, kMaxRetries); !s) return s;
  return validate_range("retry_delay_ms", spec.retry_delay_ms, 1, kMaxRetryDelayMs);
}

Status validate_times(const TaskSpec& spec) {
  if (spec.eta && spec.countdown_ms) {
    return field_error("countdown_ms", "eta and countdown_ms are both given", "Give one of them");
  }
  if (spec.expires && spec.expires_in_ms) {
    return field_error("expires_in_ms", "expires and expires_in_ms are both given",
                       "Give one of them");
  }
  if (Status s = validate_range("countdown_ms", spec.countdown_ms, 1, kMaxLaterMs); !s) return s;
  return validate_range("expires_in_ms", spec.expires_in_ms, 1, kMaxLaterMs);
}

void add_number(FieldHasher& hash, const auto& number) {
  hash.add(number.has_value() ? 1U : 0U);
  if (number) hash.add(static_cast<uint64_t>(*number));
}

void add_reasons(FieldHasher& hash, const std::optional<std::vector<RetryReason>>& reasons) {
  hash.add(reasons.has_value() ? 1U : 0U);
  if (!reasons) return;
  hash.add(reasons->size());
  for (const RetryReason reason : *reasons) hash.add(to_string(reason));
}

void add_time(FieldHasher& hash, const std::optional<WallTime>& time) {
  hash.add(time.has_value() ? 1U : 0U);
  if (time) hash.add(static_cast<uint64_t>(to_micros(*time)));
}

}  // namespace

uint32_t bits_of(const std::vector<RetryReason>& reasons) {
  uint32_t bits = 0;
  for (const RetryReason reason : reasons) bits |= 1U << static_cast<uint32_t>(reason);
  return bits;
}

std::vector<RetryReason> reasons_of(uint32_t bits) {
  std::vector<RetryReason> reasons;
  for (uint32_t i = 0; i < kRetryReasonCount; ++i) {
    if ((bits >> i & 1U) != 0) reasons.push_back(static_cast<RetryReason>(i));
  }
  return reasons;
}

Status validate_name(std::string_view field, std::string_view name) {
  if (!name.empty() && name.size() <= kMaxNameLength && std::ranges::all_of(name, is_name_char)) {
    return {};
  }
  return field_error(field, std::string(field) + " is '" + shown(name) + "'",
                     "Use 1 to 64 of A-Z a-z 0-9 _ . -");
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

Status validate(const TaskSpec& spec) {
  if (spec.id && spec.id->is_nil()) {
    return field_error("id", "id is all zeros", "Use a UUID, version 7");
  }
  if (Status s = validate_name("tenant", spec.tenant); !s) return s;
  if (Status s = validate_name("queue", spec.queue); !s) return s;
  if (spec.priority < kMinPriority || spec.priority > kMaxPriority) {
    return field_error("priority",
                       "priority is " + std::to_string(spec.priority) + ", but must be 0 to 10");
  }
  if (Status s = validate_retries(spec); !s) return s;
  if (Status s = validate_times(spec); !s) return s;
  return validate_program(spec.program);
}

BlobRefs blobs_of(const Program& program) {
  BlobRefs refs;
  for (const InputFile& file : program.files) {
    if (file.blob) refs.push_back(*file.blob);
  }
  return refs;
}

Sha256 code_hash(const Program& program) { return sha256(program.code); }

Sha256 cache_key(const TaskSpec& spec, std::string_view language_version) {
  FieldHasher hash;
  hash.add("cache").add(spec.tenant).add(language_version);
  add_program(hash, spec.program);
  return hash.finish();
}

Sha256 body_hash(const TaskSpec& spec) {
  FieldHasher hash;
  hash.add("body").add(spec.tenant).add(spec.queue).add(static_cast<uint64_t>(spec.priority));
  hash.add(spec.wait ? 1U : 0U).add(spec.cache ? 1U : 0U);
  add_number(hash, spec.max_retries);
  add_reasons(hash, spec.retry_on);
  add_number(hash, spec.retry_delay_ms);
  add_number(hash, spec.full_jitter);
  add_time(hash, spec.eta);
  add_number(hash, spec.countdown_ms);
  add_time(hash, spec.expires);
  add_number(hash, spec.expires_in_ms);
  add_program(hash, spec.program);
  return hash.finish();
}

}  // namespace kiln::model
