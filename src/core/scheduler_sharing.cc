// One run for equal work: answers from the cache, and joined tasks.
//
// A joined task is in no home but joins_. It ends in the commit of its leader's end, with the
// leader's result (result_of). If the leader ends without having run to an end of its own
// (cancelled, expired), the oldest joiner takes its place and the others join that one.
#include <algorithm>

#include "core/scheduler_impl.h"

namespace kiln::core {

using model::TaskState;
using model::Verdict;

namespace {

std::string as_words(TaskState state) { return std::string(model::to_string(state)); }

// What ends like this leave a result that others share.
bool ran_to_an_end(TaskState state) {
  return state == TaskState::succeeded || state == TaskState::failed || state == TaskState::dead;
}

}  // namespace

// Fills in the end of a row whose work has a result already.
std::optional<std::string> Scheduler::Impl::answer_from_cache(model::TaskRow& row) {
  if (!row.cache) return std::nullopt;
  const auto hit = cache_.find(row.cache_key, now_.wall);
  if (!hit) return std::nullopt;
  row.state = hit->state;
  row.verdict = hit->verdict;
  row.finished_at = now_.wall;
  row.result_of = hit->id;
  return "answered from the cache: the result of " + to_string(hit->id);
}

Task* Scheduler::Impl::leader_for(const model::TaskRow& row) const {
  if (!row.cache || ready_.paused(row.queue)) return nullptr;
  Task* leader = joins_.leader_of(row.cache_key, row.queue);
  return leader != nullptr && joins_.count(leader->id) < options_.max_joins ? leader : nullptr;
}

void Scheduler::Impl::join(Task& joiner, Task& leader, model::Writes& writes) {
  joins_.join(joiner);
  delays_.arm_expiry(joiner);
  raise(leader, joiner.priority, writes);
  count(Counter::joined, &joiner);
}

// The more urgent of the two says how urgent both are.
void Scheduler::Impl::raise(Task& leader, int priority, model::Writes& writes) {
  if (priority <= int{leader.priority}) return;
  const bool ready = leader.state == TaskState::queued;
  if (ready) ready_.remove(leader);
  leader.priority = static_cast<uint8_t>(priority);
  if (ready) ready_.push(leader);
  ++leader.version;
  writes.push_back(model::UpdateTask{to_row(leader)});
}

// After the end of `leader` was written: what becomes of its joiners. Returns those that ended.
std::vector<Task*> Scheduler::Impl::settle_joiners(const Task& leader, model::Writes& writes) {
  if (!ran_to_an_end(leader.state)) {
    return promote(leader.id, "its leader was " + as_words(leader.state), writes);
  }
  std::vector<Task*> ended = joins_.of(leader.id);
  for (Task* joiner : ended) follow(*joiner, leader, writes);
  return ended;
}

void Scheduler::Impl::follow(Task& joiner, const Task& leader, model::Writes& writes) {
  joiner.started_at = leader.started_at;
  tasks_.set_worker(joiner, *leader.worker);
  if (leader.rare && leader.rare->result_bytes > 0) rare(joiner).result_of = leader.id;
  write_end(joiner, {leader.state, leader.verdict, nullptr, "with " + to_string(leader.id)},
            writes);
}

// The oldest joiner takes the place of a leader that is gone. Returns those that expired by that.
std::vector<Task*> Scheduler::Impl::promote(const TaskId& leader, const std::string& why,
                                            model::Writes& writes) {
  std::vector<Task*> expired;
  Task* first = nullptr;
  std::vector<Task*> others;
  int priority = model::kMinPriority;
  for (Task* joiner : joins_.of(leader)) {
    if (is_expired(*joiner)) {
      write_end(*joiner, {TaskState::expired, Verdict::none, nullptr, kExpiredNote}, writes);
      expired.push_back(joiner);
      continue;
    }
    joins_.leave(*joiner);
    priority = std::max(priority, int{joiner->priority});
    first == nullptr ? static_cast<void>(first = joiner) : others.push_back(joiner);
  }
  if (first == nullptr) return expired;
  rare(*first).leader.reset();
  first->priority = static_cast<uint8_t>(priority);
  ++first->version;
  make_ready(*first);
  writes.push_back(model::UpdateTask{to_row(*first)});
  writes.push_back(event(*first, "runs by itself: " + why));
  for (Task* joiner : others) {
    rare(*joiner).leader = first->id;
    joins_.join(*joiner);
    ++joiner->version;
    writes.push_back(model::UpdateTask{to_row(*joiner)});
  }
  return expired;
}

// The leader's attempt ended and it will be tried again. Those joiners somebody waits for get this
// attempt: the first of them its result, since the leader's own is replaced by its next attempt's.
std::vector<Task*> Scheduler::Impl::end_waiting_joiners(const Task& leader,
                                                        const model::Finished& message,
                                                        model::Writes& writes) {
  std::vector<Task*> ended;
  for (Task* joiner : joins_.of(leader.id)) {
    if (!joiner->wait) continue;
    joiner->started_at = leader.started_at;
    tasks_.set_worker(*joiner, *leader.worker);
    const bool first = ended.empty();
    if (!first && message.result != nullptr) rare(*joiner).result_of = ended.front()->id;
    End how{TaskState::failed, leader.verdict, nullptr,
            "with an attempt of " + to_string(leader.id)};
    if (first) {
      how.result = message.result;
      how.blobs = message.blobs;
    }
    write_end(*joiner, std::move(how), writes);
    ended.push_back(joiner);
  }
  return ended;
}

// After a load: joiners whose leader is not there any more.
void Scheduler::Impl::promote_orphans() {
  for (const TaskId& leader : joins_.leaders()) {
    if (live(leader) != nullptr) continue;
    model::Writes writes;
    const std::vector<Task*> ended = promote(leader, "its leader is gone", writes);
    persist(std::move(writes));
    for (Task* task : ended) tell_end(*task);
  }
}

}  // namespace kiln::core
