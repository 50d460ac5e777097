// A broker's metrics. Counting is a look-up and an addition; values come in, no clock is read.
//
// Names of queues and workers are chosen by others, so the labels made of them are bounded: the
// first kMaxQueueLabels queues have series of their own until the process ends, all others share
// kOtherLabel, which is no name (it has parentheses). A restart starts the choice anew. So it is
// with workers.
//
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "metrics/registry.h"

namespace kiln::metrics {

inline constexpr size_t kMaxQueueLabels = 200;
inline constexpr size_t kMaxWorkerLabels = 2'000;
inline constexpr size_t kMaxUnservableLabels = 1'000;  // pairs of queue and language
inline constexpr const char* kOtherLabel = "(other)";
inline constexpr Duration kLostWorkerShown = std::chrono::minutes(15);

enum class CacheUse : uint8_t { hit, miss, joined };

// What a queue or worker is like at the time of a scrape.
struct QueueSample {
  std::string queue;
  std::vector<uint64_t> depth;  // by model::TaskState
  double oldest_seconds = 0;
  bool paused = false;
  uint64_t dead_letters = 0;
};
struct WorkerSample {
  std::string name;
  uint32_t slots = 0;
  uint32_t busy = 0;
  bool up = true;
};
struct UnservableSample {
  std::string queue;
  std::string language;
  uint64_t tasks = 0;
};
struct BrokerSample {
  std::vector<QueueSample> queues;
  std::vector<WorkerSample> workers;
  std::vector<UnservableSample> unservable;
  std::map<std::string, uint64_t> rejected;                          // by reason
  std::map<std::pair<std::string, std::string>, uint64_t> messages;  // direction, socket
};

class Broker {
 public:
  explicit Broker(std::string version);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  void submitted(const std::string& queue);
  void finished(const std::string& queue, model::TaskState state, model::Verdict verdict);
  void retried(const std::string& queue, model::RetryReason reason);
  void waited(const std::string& queue, Duration time);
  void ran(model::Verdict verdict, Duration run, Duration setup);
  void cache_used(CacheUse use);
  void lease_expired();
  void lease_refused();
  void stale_result();
  void committed(Duration time, size_t writes);
  void worker_lost(const std::string& name, MonoTime now);
  void worker_left(const std::string& name);

  // The text of a scrape. Without a sample (the owner of the tasks did not answer) its gauges are
  // absent rather than old.
  std::string text(const std::optional<BrokerSample>& sample, MonoTime now);

 private:
  struct Queue;  // the series of one
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::metrics
