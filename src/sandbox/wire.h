// What the worker and kiln-launcher say to each other: fixed structs in one SEQPACKET packet each,
// descriptors beside them. Both come from one build and run on one machine, so the structs go as
// they lie in memory; the version guards against a mixed installation.
//
//   monitor -> worker    Life (+ the socket of a new launcher; without one: why there is none)
//   worker -> launcher   Run (+ payload, stdin, stdout, stderr), Kill
//   launcher -> worker   Ready | NotReady, then for each Run: Started (at most one), Finished (one;
//                        + what was copied out of the cell, if that was asked for); Pool, Warm
//
// A Run's variable part is in the payload, a sealed memfd (memfd_create(2), F_SEAL_WRITE and
// F_SEAL_SHRINK), so that it can be mapped and cannot change or shrink under the reader:
//
//   argv strings, env strings, file names (each string ends with NUL), file sizes (u64 each, not
//   aligned), file contents
//
// Every length is stated in the Run and checked against the payload's size and against what is
// found. The last Run::programs of the files are programs: the cell's user may run and read them,
// and does not own them.
//
// What was copied out of /box/out is a sealed memfd, too: an ArtifactRecord for each entry, its
// path (relative to /box/out, no NUL), and if it was not refused its bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "model/limits.h"
#include "model/syscall_profile.h"
#include "model/warm_start.h"
#include "sandbox/artifact_refusals.h"
#include "sandbox/cell_runner.h"
#include "sandbox/steps.h"

namespace kiln::sandbox::wire {

inline constexpr uint32_t kVersion = 0x4b'4c'00'03;
// A message of 16 MB and the largest /box full of input files: more is never asked for honestly.
inline constexpr uint64_t kMaxPayloadBytes = (uint64_t{1} << 30U) + (32U << 20U);
inline constexpr uint32_t kMaxStrings = 1024;  // argv, env and files, each
inline constexpr uint64_t kMaxFileNameBytes = 1024;
inline constexpr uint64_t kMaxCollectFileBytes = uint64_t{1} << 30U;

enum class Type : uint32_t { run = 1, kill, ready, not_ready, started, finished, life, pool, warm };

struct Header {
  uint32_t version = kVersion;
  Type type{};
};

// Descriptors, in this order.
enum RunFd : size_t { kPayloadFd, kStdinFd, kStdoutFd, kStderrFd, kRunFdCount };

struct Run {
  Header header{kVersion, Type::run};
  CellId id = 0;
  model::Limits limits;
  uint32_t argc = 0;
  uint32_t envc = 0;
  uint32_t files = 0;
  uint32_t programs = 0;  // the last so many of the files
  model::SyscallProfile syscalls = model::SyscallProfile::base;
  uint32_t image = 0;               // 0: none; n: the nth of MonitorOptions::images
  uint64_t collect_file_bytes = 0;  // the largest artifact; 0: nothing is copied out
  uint64_t argv_bytes = 0;
  uint64_t env_bytes = 0;
  uint64_t name_bytes = 0;
  uint64_t payload_bytes = 0;  // all of it
};

// Why the launcher killed a cell; bits, since several can come together.
enum Cause : uint32_t {
  kCancelled = 1U << 0U,
  kShutdown = 1U << 1U,
  kOutput = 1U << 2U,
  kMemory = 1U << 3U,  // the kernel's OOM counter of the cell rose, or its OOM event fired
  kWall = 1U << 4U,
  kCpu = 1U << 5U,
  kSoft = 1U << 6U,  // SIGTERM was sent; the program may have ended by itself afterwards
};

struct Kill {
  Header header{kVersion, Type::kill};
  CellId id = 0;
  uint32_t cause = 0;  // kCancelled, kShutdown or kOutput
  uint32_t reserved = 0;
};

// One life of a launcher begins, or could not.
struct Life {
  Header header{kVersion, Type::life};
  StepFailure failure;
  uint32_t reserved = 0;
};

struct Ready {
  Header header{kVersion, Type::ready};
  uint32_t cgroup_version = 0;
  uint32_t first_uid = 0;
  int64_t canary_us = 0;  // what building and removing the self-test's cell took
};

struct NotReady {
  Header header{kVersion, Type::not_ready};
  StepFailure failure;
  uint32_t reserved = 0;
};

struct Started {
  Header header{kVersion, Type::started};
  CellId id = 0;
  int64_t at_us = 0;  // CLOCK_MONOTONIC
};

// How many cells wait for a request, and how long those made since the last Pool took to make. Told
// when nothing presses.
struct Pool {
  static constexpr size_t kMaxBuilds = 16;
  Header header{kVersion, Type::pool};
  uint32_t ready = 0;
  uint32_t builds = 0;
  std::array<int64_t, kMaxBuilds> build_us{};
};

// The state of one image: told when it changes.
struct Warm {
  Header header{kVersion, Type::warm};
  uint32_t image = 0;
  uint32_t ready = 0;    // 1: programs are forked from it; 0: it failed, and will be tried again
  uint32_t missing = 0;  // of its modules, that could not be imported
  uint32_t reserved = 0;
};

inline constexpr int64_t kNoCounter = -1;  // the kernel has none

struct Finished {
  Header header{kVersion, Type::finished};
  CellId id = 0;
  StepFailure failure;       // a step failed: no verdict but infrastructure_error
  int32_t wait_status = -1;  // of the main program, as wait(2); -1: it was killed with its cell
  uint32_t causes = 0;       // Cause bits
  uint32_t limits_hit = 0;   // bit n: model::LimitHit n
  model::WarmStart start = model::WarmStart::cold;
  uint32_t reserved = 0;
  int64_t started_us = 0;  // CLOCK_MONOTONIC; 0: never started
  int64_t wall_us = 0;
  int64_t cpu_us = kNoCounter;
  int64_t throttled_us = kNoCounter;
  int64_t memory_charged_bytes = kNoCounter;
  int64_t memory_rss_bytes = kNoCounter;
  int64_t peak_processes = kNoCounter;
};

struct ArtifactRecord {
  uint32_t refusal = 0;  // Refusal; 0: its bytes follow the path
  uint32_t path_bytes = 0;
  uint64_t size = 0;  // of a refused one: what the reason is about (a size, an errno, a count)
};

struct ArtifactView {
  Refusal refusal = Refusal::none;
  std::string_view path;
  std::string_view bytes;
  uint64_t size = 0;
};
// Points into `copy`. Errors: malformed.
Result<std::vector<ArtifactView>> read_artifacts(std::string_view copy);

// A packet's type, if it is of our version, of a known type and exactly as long as that type.
Result<Type> packet_type(std::span<const std::byte> packet);

// Precondition: packet_type() said that it is a T.
template <class T>
T packet_as(std::span<const std::byte> packet) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::copy_n(packet.begin(), sizeof(T), std::as_writable_bytes(std::span(&value, 1)).begin());
  return value;
}

struct EncodedRun {
  Run run;
  std::string payload;
};
// Errors: too_large, invalid_argument (a NUL in a string, a path outside /box).
Result<EncodedRun> encode_run(CellId id, const CellRequest& request);

struct FileView {
  const char* name = nullptr;  // relative, no "." or ".." part, ends with NUL
  std::span<const std::byte> bytes;
  bool program = false;
};

// Points into the payload, which must outlive it.
struct RunView {
  std::vector<const char*> argv;   // ends with nullptr
  std::vector<const char*> env;    // ends with nullptr
  std::vector<const char*> names;  // of the files
  std::vector<FileView> files;
};
// Errors: malformed, naming the limit that is not positive.
Status check_limits(const model::Limits& limits);
// Errors: malformed, with what is wrong.
Result<RunView> decode_run(const Run& run, std::span<const std::byte> payload);
// The same of a payload that decode_run has accepted. Allocates nothing if reserve_view(view) was
// called: async-signal-safe.
void reserve_view(RunView& view);
bool read_run(const Run& run, std::span<const std::byte> payload, RunView& view);

// A relative path that stays below its directory: no empty, "." or ".." part, at most
// kMaxFileNameBytes.
bool is_safe_path(std::string_view path);

}  // namespace kiln::sandbox::wire
