// Every type that a field list names, to and from msgpack: one write() and one read() for each, and
// the generic ones that walk a struct's field list. Included by codec.cc alone.
//
// A reader's Status says what a value must be, without naming it ("must be a whole number, but is a
// string"); each level on the way out puts its own name before Error::field.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "net/codec_cursor.h"
#include "net/codec_writer.h"
#include "net/protocol_fields.h"

namespace kiln::net {

template <class T>
concept Structured = requires {
  Message<T>::fields;
};
template <class T>
concept Word = std::same_as<T, model::TaskState> || std::same_as<T, model::Verdict> ||
    std::same_as<T, model::LimitHit> || std::same_as<T, model::RetryReason> ||
    std::same_as<T, DeadLetterOp> || std::same_as<T, AdminOp> || std::same_as<T, ErrorCode>;
template <class T>
concept Whole = std::integral<T> && !std::same_as<T, bool>;

// --- errors
// ---------------------------------------------------------------------------------------

inline Error wrong_type(std::string_view wanted, const Item& item) {
  return field_error("",
                     "must be " + std::string(wanted) + ", but is " + std::string(describe(item)));
}

inline Status inside(std::string_view name, Status status) {
  if (status.ok()) return status;
  Error error = std::move(status).error();
  const bool joined = error.field.empty() || error.field.front() == '[';
  error.field = std::string(name) + (joined ? "" : ".") + error.field;
  return error;
}

inline Status inside(size_t index, Status status) {
  if (status.ok()) return status;
  return inside("[" + std::to_string(index) + "]", std::move(status));
}

// A name from a peer as an error may show it: it could be long, or no text at all.
inline std::string shown(std::string_view name) {
  std::string out(name.substr(0, model::kMaxNameLength));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

// --- scalars
// --------------------------------------------------------------------------------------

inline void write(Writer& out, bool value, const Rule& /*rule*/) { out.boolean(value); }
inline Status read(Cursor& in, bool& value, const Rule& /*rule*/) {
  const Item item = in.next();
  if (item.type != Item::Type::boolean) return wrong_type("true or false", item);
  value = item.number != 0;
  return {};
}

template <Whole T>
void write(Writer& out, T value, const Rule& /*rule*/) {
  if constexpr (std::is_signed_v<T>) {
    out.signed_number(value);
  } else {
    out.number(value);
  }
}

template <Whole T>
Status read(Cursor& in, T& value, const Rule& rule) {
  const Item item = in.next();
  const int64_t min =
      std::max(rule.min, std::is_signed_v<T> ? static_cast<int64_t>(std::numeric_limits<T>::min())
                                             : int64_t{0});
  const uint64_t max = std::min(rule.max, static_cast<uint64_t>(std::numeric_limits<T>::max()));
  if (item.type != Item::Type::positive && item.type != Item::Type::negative) {
    return wrong_type("a whole number", item);
  }
  const bool negative = item.type == Item::Type::negative;
  const auto as_signed = static_cast<int64_t>(item.number);
  const bool low = negative ? as_signed < min : min > 0 && item.number < static_cast<uint64_t>(min);
  if (low || (!negative && item.number > max)) {
    return field_error(
        "", "is " + (negative ? std::to_string(as_signed) : std::to_string(item.number)) +
                ", but must be " + std::to_string(min) + " to " + std::to_string(max));
  }
  value = static_cast<T>(item.number);
  return {};
}

inline void write(Writer& out, const std::string& value, const Rule& rule) {
  const bool text = rule.text == Text::utf8 || (rule.text == Text::either && model::is_utf8(value));
  text ? out.text(value) : out.bytes(value);
}
inline Status read(Cursor& in, std::string& value, const Rule& rule) {
  const Item item = in.next();
  if (item.type != Item::Type::str && (rule.text == Text::utf8 || !item.is_text())) {
    return wrong_type(rule.text == Text::utf8 ? "a string" : "a string or bytes", item);
  }
  if (rule.text == Text::utf8 && !model::is_utf8(item.bytes)) {
    return field_error("", "is not valid UTF-8");
  }
  value.assign(item.bytes);
  return {};
}

inline void write(Writer& out, const model::Bytes& value, const Rule& /*rule*/) {
  out.bytes(value ? std::string_view(*value) : std::string_view());
}
inline Status read(Cursor& in, model::Bytes& value, const Rule& rule) {
  std::string bytes;
  if (Status s = read(in, bytes, rule); !s) return s;
  value = std::make_shared<const std::string>(std::move(bytes));
  return {};
}

template <class Tag>
void write(Writer& out, const Uuid<Tag>& id, const Rule& /*rule*/) {
  out.text(to_string(id));
}
template <class Tag>
Status read(Cursor& in, Uuid<Tag>& id, const Rule& /*rule*/) {
  const Item item = in.next();
  if (!item.is_text()) return wrong_type("a UUID as text", item);
  const auto parsed = parse_id<Uuid<Tag>>(item.bytes);
  if (!parsed) {
    return field_error("", "is not a UUID", "Write it as 01234567-89ab-7cde-8f01-23456789abcd");
  }
  id = *parsed;
  return {};
}

inline void write(Writer& out, const Sha256& digest, const Rule& /*rule*/) {
  out.text(to_hex(digest));
}
inline Status read(Cursor& in, Sha256& digest, const Rule& /*rule*/) {
  const Item item = in.next();
  if (!item.is_text()) return wrong_type("a SHA-256 as text", item);
  const auto parsed = parse_sha256(item.bytes);
  if (!parsed) return field_error("", "is not a SHA-256", "Write it as 64 hexadecimal digits");
  digest = *parsed;
  return {};
}

inline void write(Writer& out, WallTime value, const Rule& /*rule*/) {
  out.signed_number(to_micros(value));
}
inline Status read(Cursor& in, WallTime& value, const Rule& rule) {
  int64_t micros = 0;
  if (Status s = read(in, micros, rule); !s) return s;
  value = wall_from_micros(micros);
  return {};
}

// --- words
// ----------------------------------------------------------------------------------------

inline std::optional<model::TaskState> parse_word(std::string_view name, model::TaskState*) {
  return model::parse_task_state(name);
}
inline std::optional<model::Verdict> parse_word(std::string_view name, model::Verdict*) {
  return model::parse_verdict(name);
}
inline std::optional<model::LimitHit> parse_word(std::string_view name, model::LimitHit*) {
  return model::parse_limit_hit(name);
}
inline std::optional<model::RetryReason> parse_word(std::string_view name, model::RetryReason*) {
  return model::parse_retry_reason(name);
}
inline std::optional<DeadLetterOp> parse_word(std::string_view name, DeadLetterOp*) {
  return parse_dead_letter_op(name);
}
inline std::optional<AdminOp> parse_word(std::string_view name, AdminOp*) {
  return parse_admin_op(name);
}
inline std::optional<ErrorCode> parse_word(std::string_view name, ErrorCode*) {
  return parse_error_code(name);
}

template <class T>
inline constexpr size_t kWordCount = 0;
template <>
inline constexpr size_t kWordCount<model::TaskState> = model::kTaskStateCount;
template <>
inline constexpr size_t kWordCount<model::Verdict> = model::kVerdictCount;
template <>
inline constexpr size_t kWordCount<model::LimitHit> = model::kLimitHitCount;
template <>
inline constexpr size_t kWordCount<model::RetryReason> = model::kRetryReasonCount;
template <>
inline constexpr size_t kWordCount<DeadLetterOp> = kDeadLetterOpCount;
template <>
inline constexpr size_t kWordCount<AdminOp> = kAdminOpCount;
#define KILN_X(name) +1
template <>
inline constexpr size_t kWordCount<ErrorCode> = 0 KILN_ERROR_CODES(KILN_X);
#undef KILN_X

template <Word T>
std::string known_words() {
  std::string out = "Known:";
  for (size_t i = 0; i < kWordCount<T>; ++i) {
    out += ' ';
    out += to_string(static_cast<T>(i));
  }
  return out;
}

template <Word T>
void write(Writer& out, T value, const Rule& /*rule*/) {
  out.text(to_string(value));
}
template <Word T>
Status read(Cursor& in, T& value, const Rule& /*rule*/) {
  const Item item = in.next();
  if (!item.is_text()) return wrong_type("a word", item);
  const auto parsed = parse_word(item.bytes, &value);
  if (!parsed) return field_error("", "is not one of the known words", known_words<T>());
  value = *parsed;
  return {};
}

// --- containers
// -----------------------------------------------------------------------------------

template <class T>
void write(Writer& out, const std::vector<T>& values, const Rule& rule);
template <class T>
Status read(Cursor& in, std::vector<T>& values, const Rule& rule);
template <Structured T>
void write(Writer& out, const T& value, const Rule& rule);
template <Structured T>
Status read(Cursor& in, T& value, const Rule& rule);

template <class T>
void write(Writer& out, const std::optional<T>& value, const Rule& rule) {
  write(out, *value, rule);  // an empty one is not sent
}
template <class T>
Status read(Cursor& in, std::optional<T>& value, const Rule& rule) {
  return read(in, value.emplace(), rule);
}

template <class T>
void write(Writer& out, const std::vector<T>& values, const Rule& rule) {
  out.array(values.size());
  for (const T& value : values) write(out, value, rule);
}
template <class T>
Status read(Cursor& in, std::vector<T>& values, const Rule& rule) {
  const Item item = in.next();
  if (item.type != Item::Type::array) return wrong_type("an array", item);
  values.clear();
  for (size_t i = 0; i < item.number; ++i) {
    if (Status s = inside(i, read(in, values.emplace_back(), rule)); !s) return s;
  }
  return {};
}

// [boot, counter]
inline void write(Writer& out, const model::Epoch& epoch, const Rule& /*rule*/) {
  out.array(2);
  out.number(epoch.boot);
  out.number(epoch.counter);
}
inline Status read(Cursor& in, model::Epoch& epoch, const Rule& rule) {
  const Item item = in.next();
  if (item.type != Item::Type::array || item.number != 2) {
    return wrong_type("an array of two whole numbers", item);
  }
  if (Status s = inside(0, read(in, epoch.boot, rule)); !s) return s;
  return inside(1, read(in, epoch.counter, rule));
}

// --- maps by name
// ---------------------------------------------------------------------------------

// Calls read_entry(name) for each entry; it must read the value.
template <class ReadEntry>
Status read_map(Cursor& in, ReadEntry read_entry) {
  const Item item = in.next();
  if (item.type != Item::Type::map) return wrong_type("a map", item);
  for (size_t i = 0; i < item.number; ++i) {
    const std::string_view name = in.next().bytes;
    if (Status s = inside(shown(name), read_entry(name)); !s) return s;
  }
  return {};
}

// A list of pairs as a map in the list's order. A name that stands twice would be two equal keys:
// only its last entry is sent, as the last one would win in a program's environment.
template <class Entry>
void write_pairs(Writer& out, const std::vector<Entry>& entries, std::string Entry::*name,
                 std::string Entry::*value, const Rule& rule) {
  std::map<std::string_view, const Entry*> last;
  for (const Entry& entry : entries) last[entry.*name] = &entry;
  out.map(last.size());
  for (const Entry& entry : entries) {
    if (last[entry.*name] != &entry) continue;
    write(out, entry.*name, kEither);
    write(out, entry.*value, rule);
  }
}
template <class Entry>
Status read_pairs(Cursor& in, std::vector<Entry>& entries, std::string Entry::*name,
                  std::string Entry::*value, const Rule& rule) {
  entries.clear();
  return read_map(in, [&](std::string_view key) {
    Entry& entry = entries.emplace_back();
    (entry.*name).assign(key);
    return read(in, entry.*value, rule);
  });
}

inline void write(Writer& out, const std::vector<model::EnvVar>& env, const Rule& rule) {
  write_pairs(out, env, &model::EnvVar::name, &model::EnvVar::value, rule);
}
inline Status read(Cursor& in, std::vector<model::EnvVar>& env, const Rule& rule) {
  return read_pairs(in, env, &model::EnvVar::name, &model::EnvVar::value, rule);
}
// By path: a file's bytes, or the map of its blob. Of two files with one path the last is sent.
inline void write(Writer& out, const std::vector<model::InputFile>& files, const Rule& rule) {
  std::map<std::string_view, const model::InputFile*> last;
  for (const model::InputFile& file : files) last[file.path] = &file;
  out.map(last.size());
  for (const model::InputFile& file : files) {
    if (last[file.path] != &file) continue;
    write(out, file.path, kEither);
    file.blob ? write(out, *file.blob, rule) : write(out, file.bytes, rule);
  }
}
inline Status read(Cursor& in, std::vector<model::InputFile>& files, const Rule& rule) {
  files.clear();
  return read_map(in, [&](std::string_view path) {
    model::InputFile& file = files.emplace_back();
    file.path.assign(path);
    Cursor ahead = in;
    if (ahead.next().type == Item::Type::map) return read(in, file.blob, rule);
    return read(in, file.bytes, rule);
  });
}

inline void write(Writer& out, const std::map<std::string, uint64_t>& counts, const Rule& rule) {
  out.map(counts.size());
  for (const auto& [name, count] : counts) {
    write(out, name, kEither);
    write(out, count, rule);
  }
}
inline Status read(Cursor& in, std::map<std::string, uint64_t>& counts, const Rule& rule) {
  counts.clear();
  return read_map(in,
                  [&](std::string_view name) { return read(in, counts[std::string(name)], rule); });
}

inline void write(Writer& out, const model::LimitsRequest& limits, const Rule& rule) {
  size_t set = 0;
  for (const model::LimitField& limit : model::limit_fields())
    set += limits.get(limit.name) ? 1 : 0;
  out.map(set);
  for (const model::LimitField& limit : model::limit_fields()) {
    const auto value = limits.get(limit.name);
    if (!value) continue;
    out.text(limit.name);
    write(out, *value, rule);
  }
}
inline Status read(Cursor& in, model::LimitsRequest& limits, const Rule& /*rule*/) {
  limits = {};
  return read_map(in, [&](std::string_view name) -> Status {
    int64_t value = 0;
    if (Status s = read(in, value, range(1, std::numeric_limits<int64_t>::max())); !s) return s;
    Status s = limits.set(name, value);
    if (s.ok()) return s;
    return field_error("", "is not a limit", s.error().hint);  // the value was in range
  });
}

// --- structs
// --------------------------------------------------------------------------------------

template <class T>
bool is_present(const T& /*value*/) {
  return true;
}
template <class T>
bool is_present(const std::optional<T>& value) {
  return value.has_value();
}

template <class M, class Visit>
void for_each_field(Visit visit) {
  std::apply([&](const auto&... fields) { (visit(fields), ...); }, Message<M>::fields);
}

template <class M>
size_t count_present(const M& value);
template <class M, class T>
size_t count_present(const M& value, const Field<M, T>& f) {
  return is_present(value.*f.member) ? 1 : 0;
}
template <class M, class T>
size_t count_present(const M& value, const Flat<M, T>& f) {
  return count_present(value.*f.member);
}
template <class M>
size_t count_present(const M& value) {
  size_t count = 0;
  for_each_field<M>([&](const auto& f) { count += count_present(value, f); });
  return count;
}

template <class M>
void write_fields(Writer& out, const M& value);
template <class M, class T>
void write_field(Writer& out, const M& value, const Field<M, T>& f) {
  if (!is_present(value.*f.member)) return;
  out.text(f.name);
  write(out, value.*f.member, f.rule);
}
template <class M, class T>
void write_field(Writer& out, const M& value, const Flat<M, T>& f) {
  write_fields(out, value.*f.member);
}
template <class M>
void write_fields(Writer& out, const M& value) {
  for_each_field<M>([&](const auto& f) { write_field(out, value, f); });
}

template <Structured T>
void write(Writer& out, const T& value, const Rule& /*rule*/) {
  out.map(count_present(value));
  write_fields(out, value);
}

// What read_fields is at: the name it looks for, and which field (counted over the flat list) had
// it. One bit a field remembers which were there.
struct FieldSearch {
  std::string_view name;
  uint64_t seen = 0;
  size_t index = 0;
  bool found = false;
  Status status;
};

template <class M>
void read_field_named(Cursor& in, M& value, FieldSearch& search);
template <class M, class T>
void try_field(Cursor& in, M& value, const Field<M, T>& f, FieldSearch& search) {
  const size_t index = search.index++;
  if (search.found || f.name != search.name) return;
  search.found = true;
  Cursor ahead = in;
  if (ahead.next().type == Item::Type::nil) return in.skip();  // nil is the same as absent
  search.seen |= uint64_t{1} << index;
  search.status = read(in, value.*f.member, f.rule);
}
template <class M, class T>
void try_field(Cursor& in, M& value, const Flat<M, T>& f, FieldSearch& search) {
  read_field_named(in, value.*f.member, search);
}
template <class M>
void read_field_named(Cursor& in, M& value, FieldSearch& search) {
  for_each_field<M>([&](const auto& f) { try_field(in, value, f, search); });
}

template <class M>
Status check_required(FieldSearch& search);
template <class M, class T>
Status check_one_required(const Field<M, T>& f, FieldSearch& search) {
  const size_t index = search.index++;
  if (!f.required || (search.seen >> index & 1U) != 0) return {};
  return field_error(f.name, "is missing");
}
template <class M, class T>
Status check_one_required(const Flat<M, T>& /*f*/, FieldSearch& search) {
  return check_required<T>(search);
}
template <class M>
Status check_required(FieldSearch& search) {
  Status out;
  for_each_field<M>([&](const auto& f) {
    if (out.ok()) out = check_one_required(f, search);
  });
  return out;
}

template <Structured T>
Status read(Cursor& in, T& value, const Rule& /*rule*/) {
  FieldSearch search;
  Status s = read_map(in, [&](std::string_view name) {
    search.name = name;
    search.index = 0;
    search.found = false;
    read_field_named(in, value, search);
    if (!search.found) in.skip();
    return std::move(search.status);
  });
  if (!s.ok()) return s;
  search.index = 0;
  return check_required<T>(search);
}

}  // namespace kiln::net
