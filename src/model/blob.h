// Blobs: what is too large for a message. A blob is known by the SHA-256 of its content, belongs to
// one tenant, travels in chunks, and is kept while a task refers to it.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/hash.h"

namespace kiln::model {

// Every chunk but a blob's last has exactly this size.
inline constexpr uint64_t kBlobChunkBytes = uint64_t{1} << 20U;
inline constexpr uint64_t kMaxBlobBytes = uint64_t{1} << 30U;

struct BlobRef {
  Sha256 sha256{};
  uint64_t size = 0;
  auto operator<=>(const BlobRef&) const = default;
};
using BlobRefs = std::vector<BlobRef>;

// The bytes of the chunk at `offset`, a multiple of kBlobChunkBytes below `size`.
constexpr uint64_t chunk_size(uint64_t size, uint64_t offset) {
  return size - offset < kBlobChunkBytes ? size - offset : kBlobChunkBytes;
}

// How much of a blob is stored, from its start. `complete`: all of it, and its hash was checked.
struct BlobState {
  BlobRef blob;
  uint64_t received = 0;
  bool complete = false;
  bool operator==(const BlobState&) const = default;
};

// Between 1 byte and kMaxBlobBytes. Errors name `size`.
Status validate(const BlobRef& blob);

}  // namespace kiln::model
