// Runs seeded clusters and prints what they did. KILN_SEED=n runs that seed alone; KILN_SIM_SEEDS=n
// runs so many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/core/sim.h"

namespace kiln::core::sim {
namespace {

constexpr uint64_t kDefaultSeeds = 80;

uint64_t number_from_env(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Small clusters meet themselves again more often, so most seeds have few workers.
SimOptions options_of(uint64_t seed) {
  SimOptions options;
  options.seed = seed;
  options.workers = seed % 4 == 0 ? 20 : 1 + seed % 5;
  options.clients.tasks = options.workers * 60;
  return options;
}

void expect_all_held(const SimReport& report) {
  for (const std::string& wrong : report.wrongs) {
    ADD_FAILURE() << "seed " << report.seed << " (KILN_SEED=" << report.seed
                  << " runs it alone): " << wrong;
  }
}

void add(SimReport& sum, const SimReport& one) {
  sum.events += one.events;
  sum.workers += one.workers;
  sum.tasks += one.tasks;
  sum.broker_crashes += one.broker_crashes;
  sum.worker_crashes += one.worker_crashes;
  sum.link_breaks += one.link_breaks;
  sum.wall_jumps += one.wall_jumps;
  sum.commits_failed += one.commits_failed;
  sum.stale_results += one.stale_results;
  sum.lost_leases += one.lost_leases;
  sum.joins += one.joins;
  sum.cache_hits += one.cache_hits;
}

void print(const char* what, const SimReport& report) {
  std::cout << what << ": " << report.events << " events, " << report.workers << " workers, "
            << report.tasks << " tasks, " << report.broker_crashes << " broker crashes, "
            << report.worker_crashes << " worker crashes, " << report.link_breaks
            << " broken links, " << report.wall_jumps << " wall clock jumps, "
            << report.commits_failed << " failed commits, " << report.lost_leases
            << " lost leases, " << report.stale_results << " stale results refused, "
            << report.joins << " joins, " << report.cache_hits << " cache hits\n";
}

TEST(Simulator, HoldsUnderFaults) {
  const uint64_t first = number_from_env("KILN_SEED", 1);
  const uint64_t alone = std::getenv("KILN_SEED") == nullptr ? kDefaultSeeds : 1;
  const uint64_t seeds = number_from_env("KILN_SIM_SEEDS", alone);
  SimReport sum;
  for (uint64_t seed = first; seed < first + seeds && !HasFailure(); ++seed) {
    const SimReport report = simulate(options_of(seed));
    expect_all_held(report);
    add(sum, report);
  }
  std::cout << "simulator: seeds " << first << " to " << first + seeds - 1 << "\n";
  print("in all", sum);
  if (seeds < kDefaultSeeds) return;
  // The faults were real.
  for (const uint64_t count :
       {sum.broker_crashes, sum.worker_crashes, sum.link_breaks, sum.wall_jumps, sum.commits_failed,
        sum.stale_results, sum.lost_leases, sum.joins, sum.cache_hits}) {
    EXPECT_GT(count, 0U);
  }
}

TEST(Simulator, TheSameSeedIsTheSameRun) {
  const SimReport first = simulate(options_of(3));
  const SimReport second = simulate(options_of(3));
  EXPECT_EQ(first.events, second.events);
  EXPECT_EQ(first.stale_results, second.stale_results);
}

TEST(Simulator, HoldsWithAThousandWorkers) {
  SimOptions options;
  options.seed = number_from_env("KILN_SEED", 1);
  options.workers = 1'000;
  options.clients.tasks = 5'000;
  options.clients.spread = 8 * kSec;
  options.clients.slow_cases = false;
  options.faults = 12 * kSec;
  options.between_faults = 10 * kMs;
  const SimReport report = simulate(options);
  expect_all_held(report);
  print("large cluster", report);
}

}  // namespace
}  // namespace kiln::core::sim
