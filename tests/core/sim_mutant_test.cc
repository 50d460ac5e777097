// Built with a core from which the epoch check is taken out (KILN_MUTANT_NO_EPOCH_CHECK, see
// src/core/leases.cc): the simulator must find that out.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/core/sim.h"

namespace kiln::core::sim {
namespace {

constexpr uint64_t kMaxSeeds = 200;

TEST(SimulatorMutant, AMissingEpochCheckIsCaught) {
  for (uint64_t seed = 1; seed <= kMaxSeeds; ++seed) {
    SimOptions options;
    options.seed = seed;
    options.workers = 1 + seed % 3;
    options.clients.tasks = options.workers * 60;
    const SimReport report = simulate(options);
    if (report.wrongs.empty()) continue;
    std::cout << "the missing epoch check is caught at seed " << seed << " after " << report.events
              << " events: " << report.wrongs.front() << "\n";
    SUCCEED();
    return;
  }
  FAIL() << "no seed up to " << kMaxSeeds << " showed the missing epoch check";
}

}  // namespace
}  // namespace kiln::core::sim
