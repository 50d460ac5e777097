#include "actors/live_output.h"

#include <algorithm>

namespace kiln::actors {

void LiveOutput::add(uint8_t stream, uint64_t offset, std::string_view bytes) {
  bytes_ = std::max(bytes_, offset);
  while (!bytes.empty()) {
    const bool joins = !chunks_.empty() && chunks_.back().stream == stream &&
                       chunks_.back().offset + chunks_.back().bytes.size() == bytes_ &&
                       chunks_.back().bytes.size() < kMaxChunkBytes;
    if (!joins) {
      chunks_.push_back({stream, bytes_, {}});
      cost_ += sizeof(Chunk);
    }
    Chunk& chunk = chunks_.back();
    const size_t part = std::min(bytes.size(), kMaxChunkBytes - chunk.bytes.size());
    chunk.bytes.append(bytes.substr(0, part));
    bytes_ += part;
    cost_ += part;
    bytes.remove_prefix(part);
  }
  while (cost_ > kMaxLiveBytes) {
    cost_ -= sizeof(Chunk) + chunks_.front().bytes.size();
    chunks_.pop_front();
    if (next_chunk_ > 0) --next_chunk_;
  }
}

void LiveOutput::watch(bool on) {
  watched_ = on;
  sent_ = 0;
  next_chunk_ = 0;
}

void LiveOutput::take(std::vector<model::Output>& out) {
  if (!watched_) return;
  for (; next_chunk_ < chunks_.size(); ++next_chunk_) {
    const Chunk& chunk = chunks_[next_chunk_];
    sent_ = std::max(sent_, chunk.offset);
    const size_t skip = static_cast<size_t>(sent_ - chunk.offset);
    if (skip < chunk.bytes.size()) {
      out.push_back({lease_, sent_, chunk.stream, chunk.bytes.substr(skip)});
      sent_ = chunk.offset + chunk.bytes.size();
    }
    if (next_chunk_ + 1 == chunks_.size()) break;  // it may grow
  }
}

}  // namespace kiln::actors
