// A task's output on our own standard output and error, byte for byte and once, from events that
// may come twice (after asking again) or with gaps (which are told).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/console.h"
#include "model/result.h"
#include "net/protocol.h"

namespace kiln::cli {

class LiveOutput {
 public:
  // `quiet`: counts, prints nothing.
  LiveOutput(bool quiet, int wake_fd) : quiet_(quiet), wake_fd_(wake_fd) {}

  // For "output", "gap" and "attempt".
  Written take(const net::Event& event);
  // What the events did not bring though it was kept, and what was cut, after the end.
  Written finish(const model::TaskResult& result);

  uint64_t next_offset() const { return next_offset_; }

 private:
  Written print(uint8_t stream, std::string_view bytes);
  void begin_attempt(uint32_t attempt);
  void miss(uint64_t bytes);

  bool quiet_;
  int wake_fd_;
  uint32_t attempt_ = 1;
  uint64_t next_offset_ = 0;  // of both streams together
  std::array<uint64_t, 2> printed_{};
  bool missed_ = false;
};

}  // namespace kiln::cli
