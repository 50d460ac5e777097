// The one list of our metrics. docs/metrics.md says the same, and a test compares it with what a
// broker and a worker expose. Base units; counters end in _total; no task id, hash or tenant is a
// label, since their number has no bound.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/states.h"

namespace kiln::metrics {

enum class Kind : uint8_t { counter, gauge, histogram };
enum class Where : uint8_t { broker, worker, both };

// X(identifier, name, kind, where, labels, help)
// clang-format off
#define KILN_METRICS(X) \
  X(queue_depth, "kiln_queue_depth", gauge, broker, "queue state", "Live tasks by queue and state") \
  X(queue_oldest, "kiln_queue_oldest_task_age_seconds", gauge, broker, "queue", "Time since the longest waiting queued task was submitted or came due") \
  X(queue_paused, "kiln_queue_paused", gauge, broker, "queue", "1 while the queue starts no tasks") \
  X(queue_wait, "kiln_task_queue_wait_seconds", histogram, broker, "queue", "From submission, or the due time, to the start, on the broker's clock") \
  X(task_run, "kiln_task_run_seconds", histogram, broker, "verdict", "Run time of each attempt whose result was taken") \
  X(task_setup, "kiln_task_setup_seconds", histogram, broker, "", "From the request for a cell to the program's start") \
  X(tasks_submitted, "kiln_tasks_submitted_total", counter, broker, "queue", "Tasks accepted") \
  X(tasks_finished, "kiln_tasks_finished_total", counter, broker, "queue state verdict", "Tasks that ended") \
  X(task_retries, "kiln_task_retries_total", counter, broker, "queue reason", "Attempts that are followed by another") \
  X(dead_letters, "kiln_dead_letters", gauge, broker, "queue", "Dead tasks that nobody has requeued or purged") \
  X(tasks_unservable, "kiln_tasks_unservable", gauge, broker, "queue language", "Queued tasks that no connected worker could run") \
  X(worker_up, "kiln_worker_up", gauge, broker, "worker", "1 while the worker is connected, 0 for 15 minutes after it was lost") \
  X(worker_slots, "kiln_worker_slots", gauge, broker, "worker state", "Slots of a connected worker") \
  X(leases_expired, "kiln_leases_expired_total", counter, broker, "", "Leases lost with their worker") \
  X(leases_refused, "kiln_leases_refused_total", counter, broker, "", "Leases that a worker would not take") \
  X(stale_results, "kiln_stale_results_total", counter, broker, "", "Results refused because their lease was over") \
  X(cache_requests, "kiln_cache_requests_total", counter, broker, "result", "Submissions that asked for shared results, by what they found") \
  X(commit_time, "kiln_store_commit_seconds", histogram, broker, "", "Time of a commit of the store, failed ones included") \
  X(commit_size, "kiln_store_commit_batch_size", histogram, broker, "", "Writes in one commit") \
  X(net_messages, "kiln_net_messages_total", counter, broker, "direction socket", "Messages taken from and handed to the sockets") \
  X(net_rejected, "kiln_net_rejected_total", counter, broker, "reason", "Peers refused and messages dropped") \
  X(cell_build, "kiln_cell_build_seconds", histogram, worker, "", "The making of each cell, until it could take a request") \
  X(cells_ready, "kiln_cells_ready", gauge, worker, "", "Cells that wait for a request") \
  X(warm_forks, "kiln_warm_forks_total", counter, worker, "", "Programs forked from a warm interpreter") \
  X(warm_fallbacks, "kiln_warm_fallbacks_total", counter, worker, "reason", "Programs started cold that could have been warm") \
  X(build_info, "kiln_build_info", gauge, both, "version", "1; the version is the label")
// clang-format on

enum class Id : uint8_t {
#define KILN_X(id, name, kind, where, labels, help) id,
  KILN_METRICS(KILN_X)
#undef KILN_X
};

struct Metric {
  Id id;
  std::string_view name;
  Kind kind;
  Where where;
  std::string_view labels;  // parted by spaces, in the order of the alphabet
  std::string_view help;
};

const std::vector<Metric>& catalogue();
const Metric& metric(Id id);
std::vector<std::string_view> label_names(const Metric& metric);

// Time buckets, in seconds: 0.5 ms to 1800 s.
inline const std::vector<double> kTimeBuckets = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                 0.1,    0.25,  0.5,    1,     2.5,  5,     10,
                                                 30,     60,    120,    300,   600,  1'800};
inline const std::vector<double> kSizeBuckets = {1,   3,     10,    30,     100,
                                                 300, 1'000, 3'000, 10'000, 30'000};

// Whether a task can end in this state with this verdict; such pairs are shown from 0 on.
bool is_possible_end(model::TaskState state, model::Verdict verdict);

}  // namespace kiln::metrics
