// Every live task, in memory: its row in a compact form (names shared, rare fields apart), found by
// id. Counts tasks by queue and state. Tasks keep their address until erased.
//
// A live task takes about 250 bytes and its place in a queue about 20; its program is in the store.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/records.h"

namespace kiln::core {

// The names in use, each held once.
class Names {
 public:
  using Name = const std::string*;  // never null; equal names have equal pointers
  Name take(const std::string& name);
  void give_back(Name name);
  size_t size() const { return uses_.size(); }

 private:
  std::unordered_map<std::string, uint32_t> uses_;
};

inline constexpr WallTime kNoTime = WallTime::min();

// model::TaskRow, packed. Fields of the same name mean the same.
struct Task {
  struct Rare {
    std::optional<TaskId> leader;
    std::optional<TaskId> origin;
    std::optional<TaskId> requeued_as;
    std::optional<TaskId> result_of;
    uint64_t result_bytes = 0;
    std::string owner;
    uint64_t owner_epoch = 0;
  };

  TaskId id;
  uint64_t seq = 0;
  uint64_t version = 0;
  uint64_t rests_on = 0;  // non-lazy Persists up to its last one; 0: those of an earlier start
  Names::Name tenant = nullptr;
  Names::Name queue = nullptr;
  Names::Name language = nullptr;
  Names::Name worker = nullptr;
  std::unique_ptr<Rare> rare;  // null: all of it is empty
  model::Epoch epoch;
  WallTime submitted_at{};
  WallTime due_at = kNoTime;
  WallTime started_at = kNoTime;
  WallTime finished_at = kNoTime;
  WallTime expires_at = kNoTime;
  Sha256 code_hash{};
  Sha256 cache_key{};
  Sha256 body_hash{};
  uint32_t attempt = 0;
  uint32_t retries_used = 0;
  uint32_t losses = 0;
  uint32_t max_retries = 0;
  uint32_t retry_on = 0;
  uint32_t retry_delay_ms = model::kDefaultRetryDelayMs;
  uint8_t priority = model::kDefaultPriority;
  model::TaskState state = model::TaskState::queued;
  model::Verdict verdict = model::Verdict::none;
  bool wait = false;
  bool cache = true;
  bool full_jitter = false;
};

// Its rare fields, made if there are none.
Task::Rare& rare(Task& task);
model::TaskRow to_row(const Task& task);

class TaskTable {
 public:
  using Depth = std::array<uint64_t, model::kTaskStateCount>;

  // Precondition: no task has this id.
  Task& insert(const model::TaskRow& row);
  Task* find(const TaskId& id);
  const Task* find(const TaskId& id) const;
  void erase(const TaskId& id);
  void set_state(Task& task, model::TaskState state);
  void set_worker(Task& task, const std::string& name);

  // Those of a queue, by rising seq within one state, joined ones first. Looks at every task.
  std::vector<Task*> of_queue(const std::string& queue);

  // Those not erased, terminal ones whose commit is awaited included.
  size_t size() const { return tasks_.size(); }
  // By queue: live tasks by state (terminal states stay 0). Queues without live tasks are not here.
  const std::map<std::string, Depth>& depths() const { return depths_; }

 private:
  void count(const Task& task, model::TaskState state, int change);

  std::unordered_map<TaskId, Task> tasks_;
  std::map<std::string, Depth> depths_;
  Names names_;
};

}  // namespace kiln::core
