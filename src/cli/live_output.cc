#include "cli/live_output.h"

#include <unistd.h>

#include "cli/receipt.h"

namespace kiln::cli {
namespace {

constexpr uint8_t kStdout = 1;
constexpr uint8_t kStderr = 2;

}  // namespace

Written LiveOutput::take(const net::Event& event) {
  if (event.attempt > attempt_) begin_attempt(event.attempt);
  if (event.attempt < attempt_ && event.attempt != 0) return Written::all;  // of a lost worker
  if (event.kind == "gap" && event.offset > next_offset_) miss(event.offset - next_offset_);
  if (event.kind != "output") return Written::all;
  if (event.offset > next_offset_) miss(event.offset - next_offset_);
  const uint64_t known = next_offset_ - event.offset;
  if (known >= event.data.size()) return Written::all;
  next_offset_ = event.offset + event.data.size();
  return print(event.stream, std::string_view(event.data).substr(known));
}

Written LiveOutput::finish(const model::TaskResult& result) {
  struct Stream {
    uint8_t number;
    const char* name;
    const model::StreamOutput& kept;
  };
  for (const Stream& stream : {Stream{kStdout, "standard output", result.out},
                               Stream{kStderr, "standard error", result.err}}) {
    const uint64_t printed = printed_.at(stream.number - 1U);
    if (!missed_ && printed < stream.kept.bytes.size()) {
      const std::string_view rest = std::string_view(stream.kept.bytes).substr(printed);
      if (const Written w = print(stream.number, rest); w != Written::all) return w;
    }
    const bool seen_whole =
        !missed_ &&
        printed >= stream.kept.bytes.size() + static_cast<uint64_t>(stream.kept.dropped_bytes);
    if (!quiet_ && stream.kept.truncated && !seen_whole) say(cut_note(stream.name, stream.kept));
  }
  return Written::all;
}

Written LiveOutput::print(uint8_t stream, std::string_view bytes) {
  if (stream != kStdout && stream != kStderr) return Written::all;
  printed_.at(stream - 1U) += bytes.size();
  if (quiet_) return Written::all;
  return write_bytes(stream == kStdout ? STDOUT_FILENO : STDERR_FILENO, bytes, wake_fd_);
}

void LiveOutput::begin_attempt(uint32_t attempt) {
  attempt_ = attempt;
  next_offset_ = 0;
  printed_ = {};
  missed_ = false;
  if (!quiet_) {
    say("the worker was lost: the program runs again from its start, attempt " +
        std::to_string(attempt));
  }
}

void LiveOutput::miss(uint64_t bytes) {
  next_offset_ += bytes;
  missed_ = true;
  if (!quiet_) say(std::to_string(bytes) + " bytes of output are missing here: they came too fast");
}

}  // namespace kiln::cli
