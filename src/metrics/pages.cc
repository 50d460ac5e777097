#include "metrics/pages.h"

namespace kiln::metrics {

Page readyz(const Readiness& readiness, MonoTime now) {
  const auto problems = readiness.problems(now);
  if (problems.empty()) return {kOkStatus, "ready\n"};
  Page page{kNotReadyStatus, "not ready\n"};
  for (const std::string& problem : problems) page.body += problem + "\n";
  return page;
}

Page healthz(const Readiness& readiness, MonoTime now) {
  if (readiness.alive(now)) return {kOkStatus, "alive\n"};
  return {kNotReadyStatus, "it does not move\n"};
}

}  // namespace kiln::metrics
