#include "base/hash.h"

#include <sodium.h>

namespace kiln {
namespace {

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

struct FieldHasher::State {
  crypto_hash_sha256_state hash;
};

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

FieldHasher::FieldHasher() : state_(std::make_unique<State>()) {
  crypto_hash_sha256_init(&state_->hash);
}

FieldHasher::~FieldHasher() = default;

FieldHasher& FieldHasher::add(std::string_view field) {
  add(static_cast<uint64_t>(field.size()));
  crypto_hash_sha256_update(&state_->hash, as_bytes(field), field.size());
  return *this;
}

FieldHasher& FieldHasher::add(uint64_t number) {
  std::array<unsigned char, 8> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<unsigned char>(number >> (8 * i));
  crypto_hash_sha256_update(&state_->hash, bytes.data(), bytes.size());
  return *this;
}

Sha256 FieldHasher::finish() {
  Sha256 out{};
  crypto_hash_sha256_final(&state_->hash, out.data());
  return out;
}

}  // namespace kiln
