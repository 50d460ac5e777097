#include "core/stream_hub.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace kiln::core {
namespace {

// What a chunk costs beside its data: a program that writes single bytes to both streams in turn
// must not make the ring larger than its bound.
constexpr size_t kChunkCost = 64;

StreamEvent event_of(const TaskId& id, StreamEvent::Kind kind, uint32_t attempt) {
  StreamEvent event;
  event.id = id;
  event.kind = kind;
  event.attempt = attempt;
  return event;
}

}  // namespace

StreamHub::Outcome StreamHub::apply(const StreamNews& news) {
  Outcome out;
  std::visit([&](const auto& n) { on(n, out); }, news);
  return out;
}

StreamHub::Events StreamHub::output(const InstanceId& worker, const model::Output& message) {
  Events events;
  const auto found = tasks_.find(message.lease.id);
  if (found == tasks_.end() || found->second.lease != message.lease) return events;
  if (found->second.worker != worker) return events;  // not its lease
  Task& task = found->second;
  std::string_view data = message.data;
  if (data.empty() || data.size() > std::numeric_limits<uint64_t>::max() - message.offset)
    return events;
  if (message.offset + data.size() <= task.end) return events;  // all of it is known
  if (message.offset > task.end) {
    clear(task);  // a hole: what comes before it cannot be joined to what follows
    task.end = message.offset;
  }
  data.remove_prefix(task.end - message.offset);
  append(task, task.end, message.stream, data);
  by_feeding_.splice(by_feeding_.end(), by_feeding_, task.fed);
  for (auto& [route, watcher] : task.watchers) catch_up(found->first, task, watcher, events);
  keep_bounds(task);
  return events;
}

void StreamHub::on(const Watch& news, Outcome& out) {
  const auto [found, fresh] = tasks_.try_emplace(news.id);
  Task& task = found->second;
  if (fresh) task.fed = by_feeding_.insert(by_feeding_.end(), news.id);
  task.serial = news.serial;
  routes_[news.client.route].insert(news.id);
  Watcher& watcher = task.watchers[news.client.route];
  watcher = {news.client, news.offset};
  catch_up(news.id, task, watcher, out.events);
}

void StreamHub::on(const Unwatch& news, Outcome& out) {
  if (news.id) return leave(news.route, *news.id, out);
  const auto found = routes_.find(news.route);
  if (found == routes_.end()) return;
  for (const TaskId& id : std::set<TaskId>(found->second)) leave(news.route, id, out);
}

void StreamHub::on(const AttemptStarted& news, Outcome& out) {
  const auto found = tasks_.find(news.lease.id);
  if (found == tasks_.end()) return;
  Task& task = found->second;
  if (task.lease && task.lease->epoch >= news.lease.epoch) return;  // known, or overtaken
  // The first one seen here may be the one whose output a watcher has in part already: its offset
  // holds. After that each one starts anew.
  const bool another = task.lease.has_value();
  task.lease = news.lease;
  task.worker = news.worker;
  task.attempt = news.attempt;
  clear(task);
  task.end = 0;
  for (auto& [route, watcher] : task.watchers) {
    if (another) watcher.next = 0;
    out.events.push_back(
        {watcher.client, event_of(news.lease.id, StreamEvent::Kind::attempt, news.attempt)});
  }
}

void StreamHub::on(const TaskEnded& news, Outcome& out) {
  const auto found = tasks_.find(news.row.id);
  if (found == tasks_.end()) return;
  for (const auto& [route, watcher] : found->second.watchers) {
    StreamEvent event = event_of(news.row.id, StreamEvent::Kind::end, news.row.attempt);
    event.row = news.row;
    out.events.push_back({watcher.client, std::move(event)});
  }
  forget(news.row.id);
}

void StreamHub::leave(const std::string& route, const TaskId& id, Outcome& out) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end() || found->second.watchers.erase(route) == 0) return;
  const auto watched = routes_.find(route);
  watched->second.erase(id);
  if (watched->second.empty()) routes_.erase(watched);
  if (!found->second.watchers.empty()) return;
  out.unwatched.push_back({id, found->second.serial});
  forget(id);
}

std::vector<Subscribe> StreamHub::subscriptions() const {
  std::vector<Subscribe> all;
  for (const auto& [id, task] : tasks_) {
    for (const auto& [route, watcher] : task.watchers) {
      all.push_back({watcher.client, id, watcher.next});
    }
  }
  return all;
}

void StreamHub::catch_up(const TaskId& id, const Task& task, Watcher& watcher, Events& out) const {
  const uint64_t begin = task.ring.empty() ? task.end : task.ring.front().offset;
  if (watcher.next < begin) {
    StreamEvent gap = event_of(id, StreamEvent::Kind::gap, task.attempt);
    gap.offset = watcher.next = begin;
    out.push_back({watcher.client, std::move(gap)});
  }
  auto chunk = std::upper_bound(task.ring.begin(), task.ring.end(), watcher.next,
                                [](uint64_t next, const Chunk& c) { return next < c.end(); });
  for (; chunk != task.ring.end() && chunk->end() > watcher.next; ++chunk) {
    StreamEvent event = event_of(id, StreamEvent::Kind::output, task.attempt);
    event.offset = watcher.next;
    event.stream = chunk->stream;
    event.data = chunk->data.substr(watcher.next - chunk->offset);
    watcher.next = chunk->end();
    out.push_back({watcher.client, std::move(event)});
  }
}

void StreamHub::append(Task& task, uint64_t offset, uint8_t stream, std::string_view data) {
  const size_t before = task.bytes;
  while (!data.empty()) {
    const bool joins = !task.ring.empty() && task.ring.back().stream == stream &&
                       task.ring.back().data.size() < kMaxOutputEventBytes;
    if (!joins) {
      task.ring.push_back({offset, stream, {}});
      task.bytes += kChunkCost;
    }
    std::string& last = task.ring.back().data;
    const size_t size = std::min(data.size(), kMaxOutputEventBytes - last.size());
    last.append(data.substr(0, size));
    data.remove_prefix(size);
    offset += size;
    task.bytes += size;
  }
  task.end = offset;
  held_bytes_ += task.bytes - before;
}

void StreamHub::clear(Task& task) {
  held_bytes_ -= std::exchange(task.bytes, 0);
  task.ring.clear();
}

void StreamHub::drop_oldest(Task& task) {
  const size_t size = task.ring.front().data.size() + kChunkCost;
  task.ring.pop_front();
  task.bytes -= size;
  held_bytes_ -= size;
}

// Watchers have what is dropped here: only one that comes later misses it. Beyond the bound of all
// tasks the one that was fed longest ago loses first.
void StreamHub::keep_bounds(Task& task) {
  while (task.bytes > bounds_.task_bytes) drop_oldest(task);
  while (held_bytes_ > bounds_.all_bytes) {
    Task& quiet = tasks_.at(by_feeding_.front());
    if (quiet.ring.empty()) {
      by_feeding_.splice(by_feeding_.end(), by_feeding_, quiet.fed);
    } else {
      drop_oldest(quiet);
    }
  }
}

void StreamHub::forget(const TaskId& id) {
  const auto found = tasks_.find(id);
  for (const auto& [route, watcher] : found->second.watchers) {
    const auto watched = routes_.find(route);
    watched->second.erase(id);
    if (watched->second.empty()) routes_.erase(watched);
  }
  clear(found->second);
  by_feeding_.erase(found->second.fed);
  tasks_.erase(found);
}

}  // namespace kiln::core
