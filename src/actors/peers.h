// Which connection is which worker: routes (the transport's names of connections) and worker
// instances, one to one. One owner (the broker_link actor).
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/ids.h"
#include "net/keys.h"

namespace kiln::actors {

// The instance that a hello with this key and this instance id means: no two keys ever have one in
// common, whatever their workers say, and the same pair is the same instance after any restart.
// Without a key it is what the worker says.
InstanceId instance_of(const net::Identity& sender, const InstanceId& said);

class Peers {
 public:
  // The worker said hello on this route; what either was before is forgotten.
  void bind(const std::string& route, const InstanceId& worker);
  // The route is gone; the worker that was on it, if any.
  std::optional<InstanceId> unbind(const std::string& route);
  std::optional<InstanceId> worker_on(const std::string& route) const;
  const std::string* route_of(const InstanceId& worker) const;
  size_t size() const { return by_route_.size(); }

 private:
  std::map<std::string, InstanceId> by_route_;
  std::map<InstanceId, std::string> by_worker_;
};

}  // namespace kiln::actors
