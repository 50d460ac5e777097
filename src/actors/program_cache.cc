#include "actors/program_cache.h"

#include <iterator>

namespace kiln::actors {

void ProgramCache::put(const TaskId& id, model::Bytes program) {
  if (const auto known = by_id_.find(id); known != by_id_.end()) drop(known->second);
  if (program->size() > max_bytes_) return;
  bytes_ += program->size();
  entries_.push_front({id, std::move(program)});
  by_id_[id] = entries_.begin();
  while (bytes_ > max_bytes_) drop(std::prev(entries_.end()));
}

model::Bytes ProgramCache::find(const TaskId& id) {
  const auto known = by_id_.find(id);
  if (known == by_id_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, known->second);
  return known->second->program;
}

void ProgramCache::drop(std::list<Entry>::iterator entry) {
  bytes_ -= entry->program->size();
  by_id_.erase(entry->id);
  entries_.erase(entry);
}

}  // namespace kiln::actors
