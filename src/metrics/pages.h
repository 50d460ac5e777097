// The pages of a node as status and text; src/cli puts them behind the HTTP server.
#pragma once

#include <string>

#include "metrics/readiness.h"

namespace kiln::metrics {

inline constexpr unsigned kOkStatus = 200;
inline constexpr unsigned kNotReadyStatus = 503;

struct Page {
  unsigned status = kOkStatus;
  std::string body;
};

Page readyz(const Readiness& readiness, MonoTime now);
Page healthz(const Readiness& readiness, MonoTime now);

}  // namespace kiln::metrics
