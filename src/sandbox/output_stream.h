// One output stream of a cell: the read end of its pipe, and what was kept of what came through it.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/fd.h"
#include "model/result.h"

namespace kiln::sandbox {

// A program that writes more than this many times what is kept is killed.
inline constexpr uint64_t kFloodFactor = 16;
// Read from one stream before others get their turn.
inline constexpr size_t kReadBudget = 256 * 1024;

class OutputStream {
 public:
  // A piece that is kept, and where in the stream it begins.
  using Sink = std::function<void(uint64_t offset, std::string_view bytes)>;

  OutputStream() = default;
  // `reader` is non-blocking. The first `keep` bytes are kept, the rest counted.
  OutputStream(UniqueFd reader, int64_t keep);

  int fd() const { return reader_.get(); }  // -1 once the end was read
  // Reads what is there, at most about kReadBudget. At the end of the stream the pipe is closed.
  void read_some(const Sink& sink);
  // Everyone who could write is dead: reads to the end.
  void read_rest(const Sink& sink);

  bool flooded() const { return seen_ > kFloodFactor * keep_; }
  model::StreamOutput take();

 private:
  bool read_once(const Sink& sink);  // false: no more at the moment
  void accept(std::string_view bytes, const Sink& sink);

  UniqueFd reader_;
  uint64_t keep_ = 0;
  uint64_t seen_ = 0;
  std::string kept_;
};

}  // namespace kiln::sandbox
