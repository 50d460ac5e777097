#include "actors/program_cache.h"

#include <iterator>

namespace kiln::actors {

void ProgramCache::put(const TaskId& id, const Sha256& body, model::Bytes program) {
  const Key key(id, body);
  if (const auto known = by_key_.find(key); known != by_key_.end()) drop(known->second);
  if (program->size() > max_bytes_) return;
  bytes_ += program->size();
  entries_.push_front({key, std::move(program)});
  by_key_[key] = entries_.begin();
  while (bytes_ > max_bytes_) drop(std::prev(entries_.end()));
}

model::Bytes ProgramCache::find(const TaskId& id, const Sha256& body) {
  const auto known = by_key_.find({id, body});
  if (known == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, known->second);
  return known->second->program;
}

void ProgramCache::drop(std::list<Entry>::iterator entry) {
  bytes_ -= entry->program->size();
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace kiln::actors
