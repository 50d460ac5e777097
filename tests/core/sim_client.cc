#include "tests/core/sim_client.h"

#include <algorithm>

namespace kiln::core::sim {

using model::TaskState;
using model::Verdict;

namespace {

constexpr Duration kPatience = 3 * kSec;  // then a request is sent again

}  // namespace

void SimClients::start() { submit_some(); }

void SimClients::submit_some() {
  const size_t left = options_.tasks - entries_.size();
  if (left == 0) return;
  Request request{Ask::submit, {}};
  const size_t count = std::min<size_t>(left, loop_.chance(100) ? 1 + loop_.below(20) : 1);
  for (size_t i = 0; i < count; ++i) {
    Entry entry = make_entry();
    request.ids.push_back(entry.row.id);
    entries_.emplace(entry.row.id, std::move(entry));
  }
  ask(std::move(request));
  const auto gap = options_.spread.count() * static_cast<int64_t>(2 * count) /
                   static_cast<int64_t>(options_.tasks);
  loop_.after(loop_.between({}, Duration(gap)), [this] { submit_some(); });
}

Plan SimClients::make_plan() {
  Plan plan;
  plan.takes = loop_.between(kMs, 300 * kMs);
  if (loop_.chance(50)) plan.takes = loop_.between(kSec, 8 * kSec);
  if (loop_.chance(100)) plan.good_from = static_cast<uint32_t>(2 + loop_.below(4));
  plan.verdict =
      options_.slow_cases && loop_.chance(500) ? Verdict::wall_timeout : Verdict::nonzero_exit;
  plan.kills_worker = loop_.chance(8);
  return plan;
}

SimClients::Entry SimClients::make_entry() {
  Entry entry;
  entry.plan = make_plan();
  model::TaskRow& row = entry.row;
  const Now now = loop_.now();
  row.id = make_id<TaskId>(now.wall, loop_.random());
  row.tenant = "default";
  row.queue = loop_.chance(300) ? "other" : "default";
  row.language = loop_.chance(300) ? "bash" : "python";
  row.priority = static_cast<int>(loop_.below(11));
  row.retry_on = 0b111;
  row.max_retries = 2;
  row.wait = loop_.chance(100);
  row.cache = loop_.chance(700);
  row.cache_key[0] = static_cast<uint8_t>(loop_.below(20));
  row.body_hash[0] = static_cast<uint8_t>(loop_.below(256));
  row.submitted_at = now.wall;
  if (options_.slow_cases && loop_.chance(100)) {
    row.due_at = now.wall + loop_.between({}, 20 * kSec);
  }
  if (options_.slow_cases && loop_.chance(100)) {
    row.expires_at = now.wall + loop_.between({}, 20 * kSec);
  }
  return entry;
}

void SimClients::ask(Request request) {
  const uint64_t rid = ++rid_;
  send(request, rid);
  open_.emplace(rid, std::move(request));
  loop_.after(kPatience + loop_.between({}, kSec), [this, rid] {
    const auto it = open_.find(rid);
    if (it == open_.end()) return;
    Request again = std::move(it->second);
    open_.erase(it);
    ask(std::move(again));
  });
}

void SimClients::send(const Request& request, uint64_t rid) {
  if (loop_.chance(10)) return;  // lost
  const ClientRef client{"client", rid, "default"};
  Command command;
  if (request.what == Ask::submit) {
    Submit submit{client, {}, loop_.chance(200)};
    for (const TaskId& id : request.ids) {
      submit.tasks.push_back(Submission{entries_.at(id).row, nullptr, true, std::nullopt});
    }
    command = std::move(submit);
  } else if (request.what == Ask::cancel) {
    command = CancelTask{client, request.ids.front()};
  } else {
    command = QueryResult{client, request.ids.front(), 2 * kSec};
  }
  loop_.after(loop_.between(Duration(50), 5 * kMs),
              [this, command = std::move(command)] { broker_.take(command); });
}

void SimClients::answer(const Reply& reply, const Stored* stored) {
  const auto it = open_.find(reply.client.rid);
  if (it == open_.end() || loop_.chance(10)) return;  // late, or lost
  const Request request = std::move(it->second);
  open_.erase(it);
  if (const auto* taken = std::get_if<Accepted>(&reply.body)) return accepted(*taken);
  const TaskId id = request.ids.front();
  if (stored != nullptr && model::is_terminal(stored->row.state)) {
    return told_end(id, stored->row.state, stored->result);
  }
  if (const auto* done = std::get_if<Done>(&reply.body)) {
    if (done->state != TaskState::cancelled) verdicts_.wrong("a cancel left another state");
    return told_end(id, done->state, std::nullopt);
  }
  if (std::holds_alternative<Error>(reply.body)) {
    verdicts_.wrong(to_string(id) + ": " + std::get<Error>(reply.body).text());
  }
  if (std::holds_alternative<FromStore>(reply.body)) {
    verdicts_.wrong("the task " + to_string(id) + " is neither live nor ended");
  }
  loop_.after(loop_.between({}, 500 * kMs), [this, request] { ask(request); });
}

void SimClients::accepted(const Accepted& accepted) {
  for (const Accepted::Item& item : accepted.tasks) {
    Entry& entry = entries_.at(item.id);
    if (store_.find(item.id) == nullptr) {
      verdicts_.wrong("a task was acknowledged before it was stored");
    }
    if (std::exchange(entry.acknowledged, true)) continue;
    follow(item.id);
  }
}

void SimClients::follow(const TaskId& id) {
  ask(Request{Ask::result, {id}});
  if (!loop_.chance(80)) return;
  loop_.after(loop_.between({}, 2 * kSec), [this, id] { ask(Request{Ask::cancel, {id}}); });
}

void SimClients::told_end(const TaskId& id, TaskState state, std::optional<std::string> result) {
  Entry& entry = entries_.at(id);
  if (!entry.end) {
    entry.end = state;
    ++ended_;
  }
  if (!entry.result) entry.result = result;
  if (*entry.end != state || (result && entry.result != result)) {
    verdicts_.wrong("the task " + to_string(id) + " was seen to end twice, in two ways");
  }
}

void SimClients::check() {
  for (const auto& [id, entry] : entries_) {
    if (entry.acknowledged && store_.find(id) == nullptr) {
      verdicts_.wrong("the acknowledged task " + to_string(id) + " is not stored");
    }
  }
}

std::string SimClients::open_tasks() const {
  std::string text;
  for (const auto& [id, entry] : entries_) {
    if (entry.end) continue;
    const Stored* stored = store_.find(id);
    text += to_string(id) + " ";
    text += stored == nullptr ? "not stored" : std::string(to_string(stored->row.state));
    text += entry.acknowledged ? "\n" : ", not acknowledged\n";
  }
  return text;
}

}  // namespace kiln::core::sim
