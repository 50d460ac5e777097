// The workers that said hello and are not silent. Credit is an absolute bound on the leases a
// worker holds at once, so a lost message heals with the next one.
//
// Timers are monotonic and lazy: hearing from a worker only notes the time; its place among the
// deadlines is put right when the old deadline comes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/worker_messages.h"

namespace kiln::core {

inline constexpr size_t kMaxWorkers = 10'000;
inline constexpr uint32_t kMaxPrefetchPerSlot = 1;  // leases beyond the running ones

struct Worker {
  InstanceId instance;
  std::string name;
  uint32_t slots = 0;
  uint32_t credit = 0;
  std::vector<model::LanguageVersion> languages;
  std::vector<std::string> language_names;  // each once
  std::vector<std::string> queues;          // serves only these; empty: all
  std::vector<std::string> tags;
  std::set<TaskId> leases;
  MonoTime lost_at{};        // silent until then: its leases are lost
  MonoTime deadline{};       // its place among the deadlines; never later than lost_at
  bool unreachable = false;  // a ping did not reach it, and no hello came since
  MonoTime heard_at{};       // its last message
  bool draining = false;     // it was told to leave
  bool paused = false;       // refused a task lately
  MonoTime paused_until{};
  bool serves(const std::string& queue, const std::string& language) const;
  // How many more leases it may be given.
  uint32_t room() const;
};

class Roster {
 public:
  // Adds the worker or replaces what is known of it; its leases stay. Null: there are kMaxWorkers.
  Worker* admit(const InstanceId& instance, const model::Hello& hello);
  Worker* find(const InstanceId& instance);
  void remove(const InstanceId& instance);

  void set_credit(Worker& worker, uint32_t credit);
  void add_lease(Worker& worker, const TaskId& id);
  void remove_lease(Worker& worker, const TaskId& id);
  // A refusal: it is given nothing until `until`, or until it states its credit anew.
  void pause(Worker& worker, MonoTime until);
  // It is given nothing any more, whatever it says.
  void drain(Worker& worker);
  // Those whose pause is over.
  std::vector<Worker*> resume(MonoTime now);

  // Of the workers with room that serve it, the one with the most free slots.
  Worker* best_for(const std::string& queue, const std::string& language);
  // Those that hold more leases than they have slots, and are reachable.
  const std::set<InstanceId>& overfull() const { return overfull_; }
  bool any_room() const { return !free_.empty(); }
  // It said something: it is lost if nothing more comes until `lost_at`.
  void heard(Worker& worker, MonoTime lost_at);
  // A ping did not reach it: it is given nothing, and lost at `lost_at` unless it says hello.
  void unreachable(Worker& worker, MonoTime lost_at);
  // The workers that are lost now.
  std::vector<InstanceId> silent(MonoTime now);
  std::optional<MonoTime> next_deadline() const;

  const std::unordered_map<InstanceId, Worker>& workers() const { return workers_; }

 private:
  // Leases less slots: smaller is freer; then by instance, so that runs repeat.
  using Free = std::set<std::pair<int64_t, InstanceId>>;

  void take_out(const Worker& worker);
  void put_in(const Worker& worker);
  void expect(Worker& worker, MonoTime lost_at);
  void set_deadline(Worker& worker, MonoTime at);

  std::unordered_map<InstanceId, Worker> workers_;
  std::map<std::string, Free> free_;  // by language: workers with room
  std::set<InstanceId> overfull_;
  std::set<std::pair<MonoTime, InstanceId>> deadlines_;
  std::set<std::pair<MonoTime, InstanceId>> pauses_;
};

}  // namespace kiln::core
