// 128-bit ids as UUIDs, version 7 (RFC 9562, section 5.7): a millisecond wall time, then random
// bits. The textual form is the lower-case 8-4-4-4-12 one. Order by id is never relied on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/time.h"

namespace kiln {

// Tag makes a TaskId and an InstanceId different types.
template <class Tag>
struct Uuid {
  std::array<uint8_t, 16> bytes{};

  bool is_nil() const { return bytes == std::array<uint8_t, 16>{}; }
  auto operator<=>(const Uuid&) const = default;
};

using TaskId = Uuid<struct TaskIdTag>;
using InstanceId = Uuid<struct InstanceIdTag>;  // one life of one worker process

std::array<uint8_t, 16> make_uuid7(WallTime now, Random& random);
std::string format_uuid(const std::array<uint8_t, 16>& bytes);
// Accepts any UUID version in either letter case; nothing but the 36-character form.
std::optional<std::array<uint8_t, 16>> parse_uuid(std::string_view text);

template <class Id>
Id make_id(WallTime now, Random& random) {
  return Id{make_uuid7(now, random)};
}

template <class Tag>
std::string to_string(const Uuid<Tag>& id) {
  return format_uuid(id.bytes);
}

template <class Id>
std::optional<Id> parse_id(std::string_view text) {
  const auto bytes = parse_uuid(text);
  if (!bytes) return std::nullopt;
  return Id{*bytes};
}

}  // namespace kiln

template <class Tag>
struct std::hash<kiln::Uuid<Tag>> {
  size_t operator()(const kiln::Uuid<Tag>& id) const noexcept {
    // The last eight bytes are random in version 7; fold in the rest for other versions.
    uint64_t low = 0, high = 0;
    for (size_t i = 0; i < 8; ++i) {
      high = high << 8U | id.bytes[i];
      low = low << 8U | id.bytes[i + 8];
    }
    return static_cast<size_t>(low ^ (high * 0x9E3779B97F4A7C15ULL));
  }
};
