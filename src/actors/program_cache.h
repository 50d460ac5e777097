// The programs of tasks that were accepted lately, so that most assignments need no read of the
// store. Least recently used first out, bounded by bytes. One owner.
#pragma once

#include <list>
#include <map>
#include <utility>

#include "base/hash.h"
#include "base/ids.h"
#include "model/records.h"

namespace kiln::actors {

class ProgramCache {
 public:
  explicit ProgramCache(size_t max_bytes) : max_bytes_(max_bytes) {}

  // `body` is the hash of the submission that it came with: a refused one under the same id does
  // not take the accepted one's place. A program larger than the bound is not kept.
  void put(const TaskId& id, const Sha256& body, model::Bytes program);
  // Null if it is not here.
  model::Bytes find(const TaskId& id, const Sha256& body);
  size_t bytes() const { return bytes_; }

 private:
  using Key = std::pair<TaskId, Sha256>;
  struct Entry {
    Key key;
    model::Bytes program;
  };
  void drop(std::list<Entry>::iterator entry);

  size_t max_bytes_;
  size_t bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::map<Key, std::list<Entry>::iterator> by_key_;
};

}  // namespace kiln::actors
