// SHA-256 (FIPS 180-4), by libsodium. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kiln {

using Sha256 = std::array<uint8_t, 32>;

Sha256 sha256(std::string_view bytes);
std::string to_hex(const Sha256& digest);
// 64 hexadecimal digits, in either case.
std::optional<Sha256> parse_sha256(std::string_view hex);

// The hash of what comes in pieces.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;

  Sha256Hasher& add(std::string_view bytes);
  // Call once, last.
  Sha256 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Hashes a sequence of fields unambiguously: each field is preceded by its length (64-bit, little
// endian), so ("ab","c") and ("a","bc") differ.
class FieldHasher {
 public:
  FieldHasher& add(std::string_view field);
  FieldHasher& add(uint64_t number);
  // Call once, last.
  Sha256 finish() { return hash_.finish(); }

 private:
  Sha256Hasher hash_;
};

}  // namespace kiln
