// How an attempt ended: the verdict, the output and what it cost. Made by the worker from what the
// kernel counted (wait status and cgroup), never from what the program printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/blob.h"
#include "model/states.h"

namespace kiln::model {

// What was kept of one stream. Bytes as they came: any encoding, NUL included.
struct StreamOutput {
  std::string bytes;                 // the first `output_bytes` of the stream
  int64_t dropped_bytes = 0;         // what came after them
  bool truncated = false;            // dropped_bytes > 0
  std::optional<BlobRef> blob = {};  // in place of bytes
  bool operator==(const StreamOutput&) const = default;
};

// A file that the program left in /box/out.
struct Artifact {
  std::string path;   // relative to /box/out; UTF-8 without control characters
  uint64_t size = 0;  // of the file
  std::string bytes;
  std::optional<BlobRef> blob = {};  // in place of bytes
  bool operator==(const Artifact&) const = default;
};

// Null where the kernel has no such counter.
struct Cost {
  int64_t setup_us = 0;                         // from the request to the program's start
  int64_t wall_us = 0;                          // from the program's start to its end
  std::optional<int64_t> cpu_us;                // of the whole cell
  std::optional<int64_t> throttled_us;          // the cell had work and its share was used up
  std::optional<int64_t> memory_charged_bytes;  // peak of the cgroup; the limit acts on it
  std::optional<int64_t> memory_rss_bytes;      // largest resident set of one process
  std::optional<int64_t> peak_processes;
  std::optional<int64_t> compile_us;  // of the compile step; null: there was none, or it was cached
  bool operator==(const Cost&) const = default;
};

struct TaskResult {
  Verdict verdict = Verdict::none;
  std::optional<int> exit_code;
  std::optional<int> signal;
  StreamOutput out;
  StreamOutput err;
  std::vector<LimitHit> limits_hit;
  Cost cost;
  bool weak_isolation = false;
  std::string message;  // for a person: what went wrong, for infrastructure_error and limits
  std::vector<Artifact> artifacts;
  std::vector<std::string> artifacts_refused;  // "pipe: it is a FIFO": what else lay in /box/out
  bool operator==(const TaskResult&) const = default;
};

// Output and artifacts that a result holds itself; what is above these sizes is a blob.
inline constexpr size_t kMaxInlineArtifactBytes = 64 * 1024;
inline constexpr size_t kMaxInlineArtifactsBytes = size_t{4} << 20U;  // of all of them together
inline constexpr size_t kMaxInlineOutputBytes = size_t{1} << 20U;     // of each stream

// The blobs that the result refers to.
BlobRefs blobs_of(const TaskResult& result);

}  // namespace kiln::model
