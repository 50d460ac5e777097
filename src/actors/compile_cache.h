// What compile steps have made lately, by the key of the step. Least recently used first out,
// bounded by bytes; in this process' memory, where no cell reaches. What is handed out is hashed
// again first: an entry that is not what was put in is dropped, and the program is compiled anew.
// One owner.
#pragma once

#include <list>
#include <map>
#include <memory>

#include "actors/cell_request.h"
#include "base/hash.h"

namespace kiln::actors {

inline constexpr size_t kCompileCacheBytes = size_t{64} << 20U;

class CompileCache {
 public:
  using Files = std::shared_ptr<const ProgramFiles>;

  explicit CompileCache(size_t max_bytes = kCompileCacheBytes) : max_bytes_(max_bytes) {}

  // What is larger than the bound is not kept.
  void put(const Sha256& key, Files files);
  // Null if it is not here, or damaged.
  Files find(const Sha256& key);

  size_t bytes() const { return bytes_; }
  uint64_t damaged() const { return damaged_; }

 private:
  struct Entry {
    Sha256 key;
    Sha256 content;
    size_t bytes;
    Files files;
  };
  void drop(std::list<Entry>::iterator entry);

  size_t max_bytes_;
  size_t bytes_ = 0;
  uint64_t damaged_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::map<Sha256, std::list<Entry>::iterator> by_key_;
};

}  // namespace kiln::actors
