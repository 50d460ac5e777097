// One simulated cluster: clients, a broker, workers, and a nemesis that breaks them, all from one
// seed in virtual time. After the faults everything must come to rest.
//
// Checked at every step: no acknowledged task is lost (it is stored, and what lives in the store
// lives in the core), each task has one visible end (one terminal row, one result, the same for
// every look at it), a result is that of the present lease, leases are lost by monotonic silence
// only (the wall clock jumps), a worker never runs more cells than it has slots. At the end: every
// task has ended, no lease, wait or credit is left behind.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/core/sim_client.h"

namespace kiln::core::sim {

struct SimOptions {
  uint64_t seed = 1;
  size_t workers = 6;
  SimClients::Options clients;
  Duration faults = 40 * kSec;  // how long the nemesis works
  Duration between_faults = 200 * kMs;
  Duration patience = 2'000 * kSec;  // for all to come to rest afterwards
};

struct SimReport {
  uint64_t seed = 0;
  uint64_t events = 0;
  size_t workers = 0;
  size_t tasks = 0;
  uint64_t broker_crashes = 0;
  uint64_t worker_crashes = 0;
  uint64_t link_breaks = 0;
  uint64_t wall_jumps = 0;
  uint64_t commits_failed = 0;
  uint64_t stale_results = 0;
  uint64_t lost_leases = 0;
  uint64_t joins = 0;
  uint64_t cache_hits = 0;
  std::vector<std::string> wrongs;  // empty: all held
};

SimReport simulate(const SimOptions& options);

}  // namespace kiln::core::sim
