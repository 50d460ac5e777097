// The blobs that a worker fetched lately: many tasks often need the same one. Least recently used
// first out, bounded by bytes. One owner.
#pragma once

#include <list>
#include <map>
#include <utility>

#include "model/blob.h"
#include "model/records.h"

namespace kiln::actors {

inline constexpr size_t kBlobCacheBytes = size_t{64} << 20U;

class BlobCache {
 public:
  explicit BlobCache(size_t max_bytes) : max_bytes_(max_bytes) {}

  // One larger than the bound, or that is not what its hash says, is not kept.
  void put(const model::BlobRef& blob, model::Bytes bytes);
  // Null if it is not here.
  model::Bytes find(const model::BlobRef& blob);
  size_t bytes() const { return bytes_; }

 private:
  using Entries = std::list<std::pair<model::BlobRef, model::Bytes>>;  // recently used first

  size_t max_bytes_;
  size_t bytes_ = 0;
  Entries entries_;
  std::map<model::BlobRef, Entries::iterator> by_blob_;
};

}  // namespace kiln::actors
