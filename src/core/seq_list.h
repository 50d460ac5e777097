// Tasks ordered by seq, compactly: sorted chunks of a bounded size. Appending, taking the first and
// removing any cost one search and one short move, whatever the length; the rank of an entry adds
// up the sizes of the chunks before it (2,000 of them for a million tasks).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kiln::core {

struct Task;

class SeqList {
 public:
  // Precondition: no task with this seq is here.
  void insert(uint64_t seq, Task* task);
  // False if none has this seq.
  bool erase(uint64_t seq);
  // Precondition: not empty.
  Task* front() const { return chunks_.front().front().task; }
  // How many have a smaller seq.
  size_t rank(uint64_t seq) const;
  bool empty() const { return chunks_.empty(); }
  size_t size() const { return size_; }

 private:
  struct Entry {
    uint64_t seq;
    Task* task;
  };
  using Chunk = std::vector<Entry>;  // never empty
  static constexpr size_t kMaxChunk = 512;

  std::vector<Chunk>::iterator chunk_for(uint64_t seq);
  void split(std::vector<Chunk>::iterator chunk);

  std::vector<Chunk> chunks_;
  size_t size_ = 0;
};

}  // namespace kiln::core
