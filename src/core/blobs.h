// What becomes of a chunk of a blob that somebody sent. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "base/time.h"
#include "model/blob.h"

namespace kiln::core {

// What a tenant's blobs may take together. Blobs that no task refers to go first when there is no
// room, but none that was used within the grace: somebody may be about to refer to it.
inline constexpr uint64_t kDefaultBlobSpace = uint64_t{4} << 30U;
inline constexpr Duration kBlobGrace = std::chrono::hours(1);
// Of each blob beside its content: rows and index entries. So many tiny ones are bounded, too.
inline constexpr uint64_t kBlobOverhead = 4'096;

constexpr uint64_t blob_room(uint64_t bytes, uint64_t blobs) {
  return bytes + blobs * kBlobOverhead;
}

struct Chunk {
  model::BlobRef blob;
  uint64_t offset = 0;
  uint64_t size = 0;  // of the data; 0: only asks
};

// True: it is the next one, to be stored. False: nothing is to be done but to say what is there: it
// was sent again, comes too early, or only asks. Errors: invalid_argument, too_large, conflict (the
// blob has another size).
Result<bool> takes_chunk(const std::optional<model::BlobState>& known, const Chunk& chunk);

constexpr bool is_last(const Chunk& chunk) { return chunk.offset + chunk.size == chunk.blob.size; }

}  // namespace kiln::core
