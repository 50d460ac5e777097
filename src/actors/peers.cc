#include "actors/peers.h"

#include <algorithm>

#include "base/hash.h"

namespace kiln::actors {

InstanceId instance_of(const net::Identity& sender, const InstanceId& said) {
  if (sender.key.empty()) return said;
  const std::string_view bytes(reinterpret_cast<const char*>(said.bytes.data()), said.bytes.size());
  const Sha256 digest = FieldHasher().add("instance").add(sender.key).add(bytes).finish();
  InstanceId out;
  std::copy_n(digest.begin(), out.bytes.size(), out.bytes.begin());
  return out;
}

void Peers::bind(const std::string& route, const InstanceId& worker) {
  unbind(route);
  if (const auto known = by_worker_.find(worker); known != by_worker_.end()) unbind(known->second);
  by_route_.emplace(route, worker);
  by_worker_.emplace(worker, route);
}

std::optional<InstanceId> Peers::unbind(const std::string& route) {
  const auto known = by_route_.find(route);
  if (known == by_route_.end()) return std::nullopt;
  const InstanceId worker = known->second;
  by_route_.erase(known);
  by_worker_.erase(worker);
  return worker;
}

std::optional<InstanceId> Peers::worker_on(const std::string& route) const {
  const auto known = by_route_.find(route);
  if (known == by_route_.end()) return std::nullopt;
  return known->second;
}

const std::string* Peers::route_of(const InstanceId& worker) const {
  const auto known = by_worker_.find(worker);
  return known == by_worker_.end() ? nullptr : &known->second;
}

}  // namespace kiln::actors
