#include "core/blobs.h"

#include <string>

namespace kiln::core {
namespace {

Error wrong_size(const Chunk& chunk, uint64_t wanted) {
  return field_error("data",
                     "the chunk at " + std::to_string(chunk.offset) + " has " +
                         std::to_string(chunk.size) + " bytes, but must have " +
                         std::to_string(wanted),
                     "Send 1 MB at a time, and less only at the end");
}

Error other_size(const model::BlobState& known) {
  return Error{ErrorCode::conflict,
               "the blob has " + std::to_string(known.blob.size) + " bytes by its first chunk",
               "size", "", "Its hash and its size belong together: compute both again"};
}

}  // namespace

Result<bool> takes_chunk(const std::optional<model::BlobState>& known, const Chunk& chunk) {
  if (Status s = model::validate(chunk.blob); !s) return std::move(s).error();
  if (known && known->blob.size != chunk.blob.size) return other_size(*known);
  if (chunk.size == 0) return false;
  if (chunk.offset % model::kBlobChunkBytes != 0 || chunk.offset >= chunk.blob.size) {
    return field_error("offset", "no chunk begins at " + std::to_string(chunk.offset),
                       "Chunks begin at multiples of 1048576 below the size");
  }
  const uint64_t wanted = model::chunk_size(chunk.blob.size, chunk.offset);
  if (chunk.size != wanted) return wrong_size(chunk, wanted);
  const uint64_t stored = known ? known->received : 0;
  return chunk.offset == stored;
}

}  // namespace kiln::core
