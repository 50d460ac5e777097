// The output of one running task, kept in the order it was read, so that who watches later gets all
// of it from offset 0. What is kept is bounded: of a program that prints more, or very small pieces
// to both streams in turn, the oldest is dropped, which the offsets show. One owner.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "model/worker_messages.h"

namespace kiln::actors {

inline constexpr size_t kMaxChunkBytes = 64 * 1024;
inline constexpr size_t kMaxLiveBytes = size_t{4} << 20U;  // of one task, bookkeeping included

class LiveOutput {
 public:
  LiveOutput(model::LeaseRef lease, bool watched) : lease_(lease), watched_(watched) {}

  // `offset` counts both streams' bytes; what lies before it and was not added is missing for good.
  void add(uint8_t stream, uint64_t offset, std::string_view bytes);
  // Switching on starts again from offset 0: the watcher may have lost what was sent before.
  void watch(bool on);
  // What is to be sent now: all that was added since the last call, nothing if nobody watches.
  void take(std::vector<model::Output>& out);
  uint64_t bytes() const { return bytes_; }

 private:
  struct Chunk {
    uint8_t stream = 0;
    uint64_t offset = 0;
    std::string bytes;
  };

  model::LeaseRef lease_;
  bool watched_ = false;
  uint64_t bytes_ = 0;
  uint64_t sent_ = 0;      // offset up to which all was sent
  size_t next_chunk_ = 0;  // no earlier chunk reaches beyond sent_
  size_t cost_ = 0;        // of the chunks
  std::deque<Chunk> chunks_;
};

}  // namespace kiln::actors
