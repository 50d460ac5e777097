#include "actors/open_requests.h"

namespace kiln::actors {

void OpenRequests::add(const core::ClientRef& client) {
  ++open_[client.route][client.rid];
  ++size_;
}

bool OpenRequests::close(const core::ClientRef& client) {
  const auto route = open_.find(client.route);
  if (route == open_.end()) return false;
  const auto request = route->second.find(client.rid);
  if (request == route->second.end()) return false;
  --size_;
  if (--request->second == 0) route->second.erase(request);
  if (route->second.empty()) open_.erase(route);
  return true;
}

void OpenRequests::drop(const std::string& route) {
  const auto found = open_.find(route);
  if (found == open_.end()) return;
  for (const auto& [rid, count] : found->second) size_ -= count;
  open_.erase(found);
}

std::vector<core::ClientRef> OpenRequests::take_all() {
  std::vector<core::ClientRef> all;
  size_ = 0;
  for (const auto& [route, requests] : std::exchange(open_, {})) {
    for (const auto& [rid, count] : requests) {
      all.insert(all.end(), count, core::ClientRef{route, rid, ""});
    }
  }
  return all;
}

}  // namespace kiln::actors
