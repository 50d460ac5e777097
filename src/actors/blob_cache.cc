#include "actors/blob_cache.h"

namespace kiln::actors {

void BlobCache::put(const model::BlobRef& blob, model::Bytes bytes) {
  if (bytes->size() > max_bytes_ || by_blob_.contains(blob)) return;
  if (sha256(*bytes) != blob.sha256) return;
  bytes_ += bytes->size();
  entries_.emplace_front(blob, std::move(bytes));
  by_blob_[blob] = entries_.begin();
  while (bytes_ > max_bytes_) {
    bytes_ -= entries_.back().second->size();
    by_blob_.erase(entries_.back().first);
    entries_.pop_back();
  }
}

model::Bytes BlobCache::find(const model::BlobRef& blob) {
  const auto known = by_blob_.find(blob);
  if (known == by_blob_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, known->second);
  return known->second->second;
}

}  // namespace kiln::actors
