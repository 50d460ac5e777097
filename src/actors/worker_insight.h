// What others see of a worker while it works, from any thread.
#pragma once

#include <memory>

#include "metrics/readiness.h"
#include "metrics/worker.h"

namespace kiln::actors {

struct WorkerInsight {
  std::shared_ptr<metrics::Worker> counted;
  std::shared_ptr<metrics::Readiness> readiness;  // parts: broker, launcher
};
inline constexpr const char* kBrokerPart = "broker";
inline constexpr const char* kLauncherPart = "launcher";
WorkerInsight new_worker_insight();

}  // namespace kiln::actors
