// The programs of tasks that were accepted lately, so that most assignments need no read of the
// store. Least recently used first out, bounded by bytes. One owner.
#pragma once

#include <list>
#include <unordered_map>

#include "base/ids.h"
#include "model/records.h"

namespace kiln::actors {

class ProgramCache {
 public:
  explicit ProgramCache(size_t max_bytes) : max_bytes_(max_bytes) {}

  // A program larger than the bound is not kept.
  void put(const TaskId& id, model::Bytes program);
  // Null if it is not here.
  model::Bytes find(const TaskId& id);
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    TaskId id;
    model::Bytes program;
  };
  void drop(std::list<Entry>::iterator entry);

  size_t max_bytes_;
  size_t bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<TaskId, std::list<Entry>::iterator> by_id_;
};

}  // namespace kiln::actors
