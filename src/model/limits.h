// What a program may use. A task asks for some limits (LimitsRequest, each may be absent); the
// server fills in defaults and clamps to its maxima (resolve_limits). Every limit is a positive
// integer; "unlimited" cannot be said. 1 MB = 2^20 bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace kiln::model {

inline constexpr int64_t kMB = int64_t{1} << 20U;

struct Limits {
  int64_t wall_ms = 120'000;           // hard: killed, wall_timeout
  int64_t soft_ms = 90'000;            // SIGTERM to the program's main process; 0 = no soft limit
  int64_t cpu_ms = 120'000;            // CPU time of all of the cell
  int64_t cpus_milli = 1'000;          // CPU share: 1000 = one core
  int64_t memory_bytes = 1'024 * kMB;  // all of the cell, its tmpfs included
  int64_t processes = 10;              // processes and threads of the program
  int64_t file_size_bytes = 100 * kMB;
  int64_t box_bytes = 256 * kMB;  // /box
  int64_t box_inodes = 16'384;
  int64_t tmp_bytes = 64 * kMB;  // /tmp
  int64_t tmp_inodes = 4'096;
  int64_t shm_bytes = 64 * kMB;  // /dev/shm
  int64_t shm_inodes = 1'024;
  int64_t output_bytes = kMB;  // kept of each stream
  int64_t artifact_files = 64;
  int64_t artifact_bytes = 64 * kMB;

  bool operator==(const Limits&) const = default;
};

// The limits a task may ask for, by their names on the wire. `soft_ms` is asked for like the
// others (a positive number); it is 0 in Limits only by the rule for short tasks.
struct LimitField {
  std::string_view name;  // "wall_ms"
  int64_t Limits::*member;
  int64_t maximum;        // what this build accepts at most; a node may clamp further
  std::string_view what;  // for help and docs, with the unit
};
std::span<const LimitField> limit_fields();

// Absent entries take the defaults. Kept small: most tasks set one or none.
class LimitsRequest {
 public:
  // Errors name the field: an unknown one, or a value below 1.
  Status set(std::string_view name, int64_t value);
  std::optional<int64_t> get(std::string_view name) const;
  bool empty() const;

  bool operator==(const LimitsRequest&) const = default;

 private:
  friend Limits resolve_limits(const LimitsRequest& request);
  friend LimitsRequest with_defaults(LimitsRequest request, const LimitsRequest& defaults);
  struct Entry {
    bool set = false;
    int64_t value = 0;
    bool operator==(const Entry&) const = default;
  };
  static constexpr size_t kFieldCount = 16;
  Entry entries_[kFieldCount];
};

// What `request` leaves open is taken from `defaults`.
LimitsRequest with_defaults(LimitsRequest request, const LimitsRequest& defaults);

// Defaults for what is absent, clamped to the maxima. Without an explicit soft limit: 90 s when the
// hard limit is the default, else 3/4 of the hard limit if that limit is at least 10 s, else none.
// Without an explicit CPU limit: 120 s, or the hard limit where that is larger.
Limits resolve_limits(const LimitsRequest& request);

}  // namespace kiln::model
