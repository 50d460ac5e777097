#include "log/line.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace kiln::log {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_tail(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// Length of the well-formed UTF-8 character (RFC 3629) at the front of `text`; 0: none there.
size_t character_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80U) return 1;
  const size_t length = first >= 0xF0U ? 4 : first >= 0xE0U ? 3 : 2;
  if (first < 0xC2U || first > 0xF4U || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!is_tail(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (first == 0xE0U && second < 0xA0U) || (first == 0xF0U && second < 0x90U);
  const bool outside = (first == 0xEDU && second > 0x9FU) || (first == 0xF4U && second > 0x8FU);
  return overlong || outside ? 0 : length;
}

// Escapes as RFC 8259, section 7, asks; DEL too, for terminals.
void append_escaped(std::string& out, std::string_view text, bool escape_quotes) {
  const bool cut = text.size() > kMaxValueBytes;
  text = text.substr(0, kMaxValueBytes);
  while (!text.empty()) {
    const size_t length = character_length(text);
    const char c = text[0];
    if (length == 0) {
      out += kReplacement;
    } else if (static_cast<unsigned char>(c) < 0x20U || c == 0x7F) {
      std::array<char, 8> buffer{};
      std::snprintf(buffer.data(), buffer.size(), "\\u%04x", static_cast<unsigned>(c));
      out += c == '\n' ? "\\n" : buffer.data();
    } else {
      if (escape_quotes && (c == '"' || c == '\\')) out += '\\';
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  if (cut) out += "...";
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text, true);
  out += '"';
}

std::string number(double value) {
  if (!std::isfinite(value)) return "null";  // JSON has no other way
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.6g", value);
  return buffer.data();
}

struct Printer {
  std::string& out;
  bool json;
  void operator()(std::string_view v) const {
    if (json) {
      append_json(out, v);
    } else {
      append_escaped(out, v, false);
    }
  }
  void operator()(bool v) const { out += v ? "true" : "false"; }
  void operator()(double v) const { out += number(v); }
  void operator()(int64_t v) const { out += std::to_string(v); }
  void operator()(uint64_t v) const { out += std::to_string(v); }
};

constexpr size_t kTimeOfDayAt = 11;  // in 2026-01-02T03:04:05.678Z
constexpr size_t kTimeOfDayLength = 12;

}  // namespace

std::string json_line(const Line& line) {
  std::string out = "{\"time\":\"" + format_utc(line.time) + "\",\"level\":\"";
  out += to_string(line.level);
  out += '"';
  if (!line.is_event) {
    out += ",\"process\":";
    append_json(out, line.process);
    out += ",\"pid\":" + std::to_string(line.pid);
  }
  out += ",\"message\":";
  append_json(out, line.message);
  for (const Field& field : line.fields) {
    out += ',';
    append_json(out, field.key);
    out += ':';
    std::visit(Printer{out, true}, field.value);
  }
  out += '}';
  return out;
}

std::string readable_line(const Line& line) {
  std::string out = format_utc(line.time).substr(kTimeOfDayAt, kTimeOfDayLength);
  out += ' ';
  append_escaped(out, line.process, false);
  if (line.level != Level::info) {
    out += ' ';
    out += to_string(line.level);
  }
  out += ": ";
  append_escaped(out, line.message, false);
  for (const Field& field : line.fields) {
    out += ' ';
    out += field.key;
    out += '=';
    std::visit(Printer{out, false}, field.value);
  }
  return out;
}

}  // namespace kiln::log
