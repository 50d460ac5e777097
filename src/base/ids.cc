#include "base/ids.h"

namespace kiln {
namespace {

constexpr size_t kTextLength = 36;

constexpr bool is_dash_position(size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::array<uint8_t, 16> make_uuid7(WallTime now, Random& random) {
  std::array<uint8_t, 16> out{};
  const auto millis = static_cast<uint64_t>(to_micros(now) / 1000);
  for (size_t i = 0; i < 6; ++i) out[i] = static_cast<uint8_t>(millis >> (40 - 8 * i));
  const uint64_t a = random();
  const uint64_t b = random();
  out[6] = static_cast<uint8_t>(0x70U | (a & 0x0FU));
  out[7] = static_cast<uint8_t>(a >> 8U);
  out[8] = static_cast<uint8_t>(0x80U | (b & 0x3FU));
  for (size_t i = 9; i < 16; ++i) out[i] = static_cast<uint8_t>(b >> (8 * (i - 8)));
  return out;
}

std::string format_uuid(const std::array<uint8_t, 16>& bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(kTextLength);
  for (const uint8_t byte : bytes) {
    if (is_dash_position(out.size())) out.push_back('-');
    out.push_back(kDigits[byte >> 4U]);
    out.push_back(kDigits[byte & 15U]);
  }
  return out;
}

std::optional<std::array<uint8_t, 16>> parse_uuid(std::string_view text) {
  if (text.size() != kTextLength) return std::nullopt;
  std::array<uint8_t, 16> out{};
  size_t nibble = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_dash_position(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return std::nullopt;
    out[nibble / 2] = static_cast<uint8_t>(out[nibble / 2] << 4U | value);
    ++nibble;
  }
  return out;
}

}  // namespace kiln
