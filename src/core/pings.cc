#include "core/pings.h"

#include <utility>

namespace kiln::core {

std::optional<uint64_t> Pings::add(const ClientRef& client, std::set<InstanceId> workers,
                                   MonoTime deadline) {
  if (asked_.size() >= kMaxPings) return std::nullopt;
  asked_.emplace(++last_token_, Asked{deadline, std::move(workers), Ended{client, {}}});
  return last_token_;
}

std::optional<Pings::Ended> Pings::answered(uint64_t token, const InstanceId& worker) {
  const auto found = asked_.find(token);
  if (found == asked_.end() || found->second.silent.erase(worker) == 0) return std::nullopt;
  found->second.ended.answered.push_back(worker);
  if (!found->second.silent.empty()) return std::nullopt;
  Ended ended = std::move(found->second.ended);
  asked_.erase(found);
  return ended;
}

std::vector<Pings::Ended> Pings::take_late(MonoTime now) {
  std::vector<Ended> late;
  while (!asked_.empty() && asked_.begin()->second.deadline <= now) {
    late.push_back(std::move(asked_.begin()->second.ended));
    asked_.erase(asked_.begin());
  }
  return late;
}

void Pings::drop_route(const std::string& route) {
  std::erase_if(asked_,
                [&](const auto& entry) { return entry.second.ended.client.route == route; });
}

std::optional<MonoTime> Pings::next_deadline() const {
  if (asked_.empty()) return std::nullopt;
  return asked_.begin()->second.deadline;
}

std::vector<ClientRef> Pings::clients() const {
  std::vector<ClientRef> clients;
  for (const auto& [token, asked] : asked_) clients.push_back(asked.ended.client);
  return clients;
}

}  // namespace kiln::core
