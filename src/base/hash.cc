#include "base/hash.h"

#include <sodium.h>

namespace kiln {
namespace {

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Sha256 sha256(std::string_view bytes) {
  Sha256 out{};
  crypto_hash_sha256(out.data(), as_bytes(bytes), bytes.size());
  return out;
}

std::string to_hex(const Sha256& digest) {
  std::string out(digest.size() * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), digest.data(), digest.size());
  out.pop_back();
  return out;
}

std::optional<Sha256> parse_sha256(std::string_view hex) {
  Sha256 digest{};
  size_t size = 0;
  if (hex.size() != digest.size() * 2) return std::nullopt;
  const int bad =
      sodium_hex2bin(digest.data(), digest.size(), hex.data(), hex.size(), nullptr, &size, nullptr);
  if (bad != 0 || size != digest.size()) return std::nullopt;
  return digest;
}

struct Sha256Hasher::State {
  crypto_hash_sha256_state hash;
};

Sha256Hasher::Sha256Hasher() : state_(std::make_unique<State>()) {
  crypto_hash_sha256_init(&state_->hash);
}

Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;

Sha256Hasher& Sha256Hasher::add(std::string_view bytes) {
  crypto_hash_sha256_update(&state_->hash, as_bytes(bytes), bytes.size());
  return *this;
}

Sha256 Sha256Hasher::finish() {
  Sha256 out{};
  crypto_hash_sha256_final(&state_->hash, out.data());
  return out;
}

FieldHasher& FieldHasher::add(std::string_view field) {
  add(static_cast<uint64_t>(field.size()));
  hash_.add(field);
  return *this;
}

FieldHasher& FieldHasher::add(uint64_t number) {
  std::array<char, 8> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(number >> (8 * i));
  hash_.add({bytes.data(), bytes.size()});
  return *this;
}

}  // namespace kiln
