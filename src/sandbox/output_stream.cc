#include "sandbox/output_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace kiln::sandbox {
namespace {

constexpr size_t kReadBytes = 64 * 1024;  // a pipe's usual size

}  // namespace

OutputStream::OutputStream(UniqueFd reader, int64_t keep)
    : reader_(std::move(reader)), keep_(static_cast<uint64_t>(keep)) {}

void OutputStream::accept(std::string_view bytes, const Sink& sink) {
  const uint64_t offset = seen_;
  seen_ += bytes.size();
  if (offset >= keep_) return;
  bytes = bytes.substr(0, static_cast<size_t>(keep_ - offset));
  kept_.append(bytes);
  sink(offset, bytes);
}

bool OutputStream::read_once(const Sink& sink) {
  std::array<char, kReadBytes> buffer;
  if (!reader_) return false;
  const ssize_t got = ::read(reader_.get(), buffer.data(), buffer.size());
  if (got < 0 && errno == EINTR) return true;
  if (got < 0 && errno == EAGAIN) return false;
  if (got <= 0) {
    reader_.reset();
    return false;
  }
  accept({buffer.data(), static_cast<size_t>(got)}, sink);
  return true;
}

void OutputStream::read_some(const Sink& sink) {
  for (size_t done = 0; done < kReadBudget && read_once(sink); done += kReadBytes) {
  }
}

void OutputStream::read_rest(const Sink& sink) {
  while (read_once(sink)) {
  }
}

model::StreamOutput OutputStream::take() {
  model::StreamOutput out;
  out.dropped_bytes = static_cast<int64_t>(seen_ - kept_.size());
  out.truncated = out.dropped_bytes > 0;
  out.bytes = std::move(kept_);
  return out;
}

}  // namespace kiln::sandbox
