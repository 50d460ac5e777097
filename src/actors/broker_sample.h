// What the scheduler holds now, as a scrape shows it.
#pragma once

#include "core/scheduler.h"
#include "metrics/broker.h"

namespace kiln::actors {

metrics::BrokerSample sample_of(const core::Scheduler& scheduler, WallTime now);

}  // namespace kiln::actors
