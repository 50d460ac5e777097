#include "actors/compile_cache.h"

#include <iterator>
#include <utility>

namespace kiln::actors {
namespace {

constexpr size_t kEntryBytes = 512;  // of an entry beside its files, about

Sha256 content_hash(const ProgramFiles& files) {
  FieldHasher hash;
  for (const model::InputFile& file : files) hash.add(file.path).add(file.bytes);
  return hash.finish();
}

size_t size_of(const ProgramFiles& files) {
  size_t bytes = kEntryBytes;
  for (const model::InputFile& file : files) {
    bytes += sizeof file + file.path.size() + file.bytes.size();
  }
  return bytes;
}

}  // namespace

void CompileCache::put(const Sha256& key, Files files) {
  if (const auto known = by_key_.find(key); known != by_key_.end()) drop(known->second);
  const size_t bytes = size_of(*files);
  if (bytes > max_bytes_) return;
  const Sha256 content = content_hash(*files);
  bytes_ += bytes;
  entries_.push_front({key, content, bytes, std::move(files)});
  by_key_[key] = entries_.begin();
  while (bytes_ > max_bytes_) drop(std::prev(entries_.end()));
}

CompileCache::Files CompileCache::find(const Sha256& key) {
  const auto known = by_key_.find(key);
  if (known == by_key_.end()) return nullptr;
  if (content_hash(*known->second->files) != known->second->content) {
    ++damaged_;
    drop(known->second);
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, known->second);
  return known->second->files;
}

void CompileCache::drop(std::list<Entry>::iterator entry) {
  bytes_ -= entry->bytes;
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace kiln::actors
