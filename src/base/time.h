// Time points in microseconds. Monotonic time (leases, windows, run times) and wall time (ETA,
// expiry, stored backoff) are different types, so one cannot be used for the other by mistake.
// Everything that decides takes a Now; only real_now() reads the clocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace kiln {

using Duration = std::chrono::microseconds;
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

struct Now {
  MonoTime mono;
  WallTime wall;
};

// CLOCK_MONOTONIC and CLOCK_REALTIME. Any thread.
Now real_now();

inline int64_t to_micros(WallTime t) { return t.time_since_epoch().count(); }
inline int64_t to_micros(MonoTime t) { return t.time_since_epoch().count(); }
inline WallTime wall_from_micros(int64_t us) { return WallTime(Duration(us)); }
inline MonoTime mono_from_micros(int64_t us) { return MonoTime(Duration(us)); }

// RFC 3339 in UTC with milliseconds: 2026-01-02T03:04:05.678Z
std::string format_utc(WallTime t);

}  // namespace kiln
