#include "core/waiters.h"

#include <utility>

namespace kiln::core {
namespace {

template <class Map, class Id, class Key>
void erase_from(Map& map, const Id& id, const Key& key) {
  const auto it = map.find(id);
  it->second.erase(key);
  if (it->second.empty()) map.erase(it);
}

}  // namespace

bool Waiters::add(const TaskId& id, Waiter waiter, MonoTime deadline) {
  const auto of_task = by_task_.find(id);
  const size_t count = of_task == by_task_.end() ? 0 : of_task->second.size();
  if (count >= max_per_task_ || waits_.size() >= kMaxWaiters) return false;
  const Key key{deadline, ++serial_};
  by_task_[id].insert(key);
  by_route_[waiter.client.route].insert(key);
  waits_.emplace(key, Late{std::move(waiter), id});
  return true;
}

void Waiters::erase(std::map<Key, Late>::iterator wait) {
  erase_from(by_task_, wait->second.id, wait->first);
  erase_from(by_route_, wait->second.waiter.client.route, wait->first);
  waits_.erase(wait);
}

std::vector<Waiters::Waiter> Waiters::take(const TaskId& id) {
  std::vector<Waiter> waiters;
  const auto of_task = by_task_.find(id);
  if (of_task == by_task_.end()) return waiters;
  const Keys keys = of_task->second;
  for (const Key& key : keys) {
    const auto wait = waits_.find(key);
    waiters.push_back(wait->second.waiter);
    erase(wait);
  }
  return waiters;
}

std::vector<Waiters::Late> Waiters::take_late(MonoTime now) {
  std::vector<Late> late;
  while (!waits_.empty() && waits_.begin()->first.deadline <= now) {
    late.push_back(waits_.begin()->second);
    erase(waits_.begin());
  }
  return late;
}

void Waiters::drop_route(const std::string& route) {
  const auto of_route = by_route_.find(route);
  if (of_route == by_route_.end()) return;
  const Keys keys = of_route->second;
  for (const Key& key : keys) erase(waits_.find(key));
}

std::optional<MonoTime> Waiters::next_deadline() const {
  if (waits_.empty()) return std::nullopt;
  return waits_.begin()->first.deadline;
}

std::vector<ClientRef> Waiters::clients() const {
  std::vector<ClientRef> clients;
  clients.reserve(waits_.size());
  for (const auto& [key, wait] : waits_) clients.push_back(wait.waiter.client);
  return clients;
}

}  // namespace kiln::core
