#include "core/seq_list.h"

#include <algorithm>

namespace kiln::core {
namespace {

constexpr auto kBefore = [](const auto& entry, uint64_t seq) { return entry.seq < seq; };

}  // namespace

// The first chunk whose last entry is not before `seq`; the last chunk if all are.
std::vector<SeqList::Chunk>::iterator SeqList::chunk_for(uint64_t seq) {
  const auto it =
      std::lower_bound(chunks_.begin(), chunks_.end(), seq,
                       [](const Chunk& chunk, uint64_t s) { return chunk.back().seq < s; });
  return it == chunks_.end() ? it - 1 : it;
}

void SeqList::insert(uint64_t seq, Task* task) {
  ++size_;
  const bool last = chunks_.empty() || chunks_.back().back().seq < seq;
  if (last && (chunks_.empty() || chunks_.back().size() == kMaxChunk)) {
    chunks_.push_back(Chunk{Entry{seq, task}});
    return;
  }
  const auto chunk = chunk_for(seq);
  chunk->insert(std::lower_bound(chunk->begin(), chunk->end(), seq, kBefore), Entry{seq, task});
  if (chunk->size() > kMaxChunk) split(chunk);
}

void SeqList::split(std::vector<Chunk>::iterator chunk) {
  const auto middle = chunk->begin() + static_cast<std::ptrdiff_t>(chunk->size() / 2);
  Chunk upper(middle, chunk->end());
  chunk->erase(middle, chunk->end());
  chunks_.insert(chunk + 1, std::move(upper));
}

bool SeqList::erase(uint64_t seq) {
  if (chunks_.empty()) return false;
  const auto chunk = chunk_for(seq);
  const auto entry = std::lower_bound(chunk->begin(), chunk->end(), seq, kBefore);
  if (entry == chunk->end() || entry->seq != seq) return false;
  chunk->erase(entry);
  if (chunk->empty()) chunks_.erase(chunk);
  --size_;
  return true;
}

size_t SeqList::rank(uint64_t seq) const {
  size_t before = 0;
  for (const Chunk& chunk : chunks_) {
    if (chunk.back().seq >= seq) {
      const auto entry = std::lower_bound(chunk.begin(), chunk.end(), seq, kBefore);
      return before + static_cast<size_t>(entry - chunk.begin());
    }
    before += chunk.size();
  }
  return before;
}

}  // namespace kiln::core
