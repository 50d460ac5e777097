#include "actors/watches.h"

#include <variant>

namespace kiln::actors {

void Watches::note(const core::StreamNews& news) {
  if (const auto* watch = std::get_if<core::Watch>(&news)) {
    by_task_[watch->id].insert_or_assign(watch->client.route, watch->client);
    by_route_[watch->client.route].insert(watch->id);
  } else if (const auto* ended = std::get_if<core::TaskEnded>(&news)) {
    const auto task = by_task_.find(ended->row.id);
    if (task == by_task_.end()) return;
    for (const auto& [route, client] : std::map(task->second)) forget(ended->row.id, route);
  } else if (const auto* unwatch = std::get_if<core::Unwatch>(&news)) {
    if (unwatch->id) return forget(*unwatch->id, unwatch->route);
    const auto route = by_route_.find(unwatch->route);
    if (route == by_route_.end()) return;
    for (const TaskId& id : std::set(route->second)) forget(id, unwatch->route);
  }
}

void Watches::forget(const TaskId& id, const std::string& route) {
  const auto task = by_task_.find(id);
  if (task == by_task_.end() || task->second.erase(route) == 0) return;
  if (task->second.empty()) by_task_.erase(task);
  const auto watched = by_route_.find(route);
  watched->second.erase(id);
  if (watched->second.empty()) by_route_.erase(watched);
}

std::vector<core::Command> Watches::again() const {
  std::vector<core::Command> commands;
  for (const auto& [id, watchers] : by_task_) {
    commands.emplace_back(core::Unwatched{id});
    for (const auto& [route, client] : watchers) {
      core::ClientRef watcher = client;
      watcher.rid = kNoAnswer;
      commands.emplace_back(core::Subscribe{std::move(watcher), id, 0});
    }
  }
  return commands;
}

size_t Watches::size() const {
  size_t size = 0;
  for (const auto& [id, watchers] : by_task_) size += watchers.size();
  return size;
}

}  // namespace kiln::actors
