// Live output, pure: what the streams actor keeps of each watched task, and whom it tells what.
//
// A task is here only while somebody watches it. Its output goes to each watcher as it comes; the
// newest of it stays in a ring, from which one who comes later, or again, catches up from the
// offset it asks for. What the ring no longer has is told as one gap with the offset where output
// goes on. Offsets count the bytes of both streams together from the attempt's start.
//
// The core must publish a task's AttemptStarted before the worker can send output under that lease,
// and again after a Watch of a task that runs already and is not known here (also when its
// Unwatched has crossed that Watch): output of a lease not known here is dropped. One owner, one
// thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/effects.h"
#include "model/worker_messages.h"

namespace kiln::core {

inline constexpr size_t kMaxRingBytes = size_t{4} << 20U;          // kept of one task
inline constexpr size_t kMaxAllRingBytes = size_t{256} << 20U;     // kept of all tasks
inline constexpr size_t kMaxOutputEventBytes = size_t{64} << 10U;  // data of one event

// As net::Event, with the row where a client sees the task.
struct StreamEvent {
  enum class Kind : uint8_t {
    output,
    attempt,  // a new attempt: offsets start again
    gap,      // `offset` is that of the next byte that will come
    end,      // the last event
  };
  TaskId id;
  Kind kind = Kind::output;
  uint32_t attempt = 0;
  uint64_t offset = 0;                // output: of its first byte; gap
  uint8_t stream = 0;                 // output: 1 = stdout, 2 = stderr
  std::string data;                   // output
  std::optional<model::TaskRow> row;  // end
};

struct StreamBounds {
  size_t task_bytes = kMaxRingBytes;
  size_t all_bytes = kMaxAllRingBytes;
};

class StreamHub {
 public:
  struct ToClient {
    ClientRef client;
    StreamEvent event;
  };
  // What to send, in order.
  using Events = std::vector<ToClient>;
  struct Outcome {
    Events events;
    std::vector<Unwatched> unwatched;  // live tasks that nobody watches any more: tell the core
  };

  explicit StreamHub(StreamBounds bounds = {}) : bounds_(bounds) {}

  Outcome apply(const StreamNews& news);
  Events output(const InstanceId& worker, const model::Output& message);

  // Every watcher, with the offset it has got to: what a core that forgot them is told.
  std::vector<Subscribe> subscriptions() const;

  size_t tasks() const { return tasks_.size(); }
  size_t held_bytes() const { return held_bytes_; }  // bookkeeping of the rings included

 private:
  // Output of one stream without a hole, at most kMaxOutputEventBytes.
  struct Chunk {
    uint64_t offset = 0;
    uint8_t stream = 1;
    std::string data;
    uint64_t end() const { return offset + data.size(); }
  };
  struct Watcher {
    ClientRef client;
    uint64_t next = 0;  // the first byte it has not got
  };
  struct Task {
    std::optional<model::LeaseRef> lease;
    InstanceId worker;  // that holds it
    uint32_t attempt = 0;
    uint64_t serial = 0;     // of the last Watch
    std::deque<Chunk> ring;  // contiguous; its last chunk ends at `end`
    uint64_t end = 0;
    size_t bytes = 0;                         // of the ring, with bookkeeping
    std::map<std::string, Watcher> watchers;  // by route: a client watches a task once
    std::list<TaskId>::iterator fed;          // its place in by_feeding_
  };

  void on(const Watch& news, Outcome& out);
  void on(const Unwatch& news, Outcome& out);
  void on(const AttemptStarted& news, Outcome& out);
  void on(const TaskEnded& news, Outcome& out);

  void leave(const std::string& route, const TaskId& id, Outcome& out);
  void catch_up(const TaskId& id, const Task& task, Watcher& watcher, Events& out) const;
  void append(Task& task, uint64_t offset, uint8_t stream, std::string_view data);
  void clear(Task& task);
  void drop_oldest(Task& task);
  void keep_bounds(Task& task);
  void forget(const TaskId& id);

  StreamBounds bounds_;
  std::unordered_map<TaskId, Task> tasks_;
  std::map<std::string, std::set<TaskId>> routes_;  // what each client watches
  std::list<TaskId> by_feeding_;                    // the one fed longest ago first
  size_t held_bytes_ = 0;
};

}  // namespace kiln::core
