#include "base/time.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace kiln {

Now real_now() {
  return Now{std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now()),
             std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now())};
}

std::string format_utc(WallTime t) {
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(t);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(millis);
  const std::time_t when = std::chrono::system_clock::to_time_t(seconds);
  std::tm parts{};
  gmtime_r(&when, &parts);
  std::array<char, 32> date{};
  const size_t length = std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ",
                static_cast<int>((millis - seconds).count()));
  return std::string(date.data(), length) + fraction.data();
}

}  // namespace kiln
