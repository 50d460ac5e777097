// Clients that wait for the end of a task, each until a monotonic deadline.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/commands.h"

namespace kiln::core {

inline constexpr size_t kMaxWaiters = 100'000;  // in all

class Waiters {
 public:
  struct Waiter {
    ClientRef client;
    bool history = false;  // asked for with the result
  };
  explicit Waiters(size_t max_per_task) : max_per_task_(max_per_task) {}

  // False: a bound is reached.
  bool add(const TaskId& id, Waiter waiter, MonoTime deadline);
  // Those of a task, in the order they came; they wait no more.
  std::vector<Waiter> take(const TaskId& id);
  struct Late {
    Waiter waiter;
    TaskId id;
  };
  // Those whose deadline has come, by deadline; they wait no more.
  std::vector<Late> take_late(MonoTime now);
  void drop_route(const std::string& route);
  std::optional<MonoTime> next_deadline() const;
  // All that wait, by deadline.
  std::vector<ClientRef> clients() const;
  size_t size() const { return waits_.size(); }

 private:
  struct Key {
    MonoTime deadline{};
    uint64_t serial = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct BySerial {
    bool operator()(const Key& a, const Key& b) const { return a.serial < b.serial; }
  };
  using Keys = std::set<Key, BySerial>;  // in the order they came

  void erase(std::map<Key, Late>::iterator wait);

  std::map<Key, Late> waits_;
  std::unordered_map<TaskId, Keys> by_task_;
  std::unordered_map<std::string, Keys> by_route_;
  size_t max_per_task_;
  uint64_t serial_ = 0;
};

}  // namespace kiln::core
