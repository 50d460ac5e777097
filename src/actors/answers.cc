#include "actors/answers.h"

#include <algorithm>
#include <utility>

#include "core/scheduler.h"

namespace kiln::actors {
namespace {

net::TaskInfo brief(const TaskId& id, model::TaskState state) {
  net::TaskInfo info;
  info.id = id;
  info.state = state;
  return info;
}

Result<net::Ok> body_of(core::Accepted&& accepted) {
  net::Ok ok;
  ok.tasks.emplace();
  for (const auto& item : accepted.tasks) {
    ok.tasks->push_back(brief(item.id, item.state));
    ok.tasks->back().origin = item.origin;
  }
  if (accepted.tasks.size() == 1) ok.task = ok.tasks->front();
  return ok;
}
Result<net::Ok> body_of(core::Done&& done) {
  net::Ok ok;
  ok.task = brief(done.id, done.state);
  return ok;
}
Result<net::Ok> body_of(std::vector<core::QueueView>&& views) {
  net::Ok ok;
  ok.queues.emplace();
  for (core::QueueView& view : views) {
    net::QueueInfo info;
    info.queue = std::move(view.queue);
    for (size_t i = 0; i < view.depth.size(); ++i) {
      const auto state = static_cast<model::TaskState>(i);
      if (!model::is_terminal(state)) info.depth[std::string(to_string(state))] = view.depth[i];
    }
    info.oldest = view.oldest;
    info.dead_letters = view.dead_letters;
    info.paused = view.paused;
    info.max_retries = view.settings.max_retries;
    if (view.settings.retry_on) info.retry_on = model::reasons_of(*view.settings.retry_on);
    info.retry_delay_ms = view.settings.retry_delay_ms;
    info.full_jitter = view.settings.full_jitter;
    ok.queues->push_back(std::move(info));
  }
  return ok;
}
Result<net::Ok> body_of(std::vector<core::WorkerView>&& views) {
  net::Ok ok;
  ok.workers.emplace();
  for (core::WorkerView& view : views) {
    ok.workers->push_back({view.instance, std::move(view.name), view.slots, view.credit,
                           view.leases, std::move(view.languages), std::move(view.queues),
                           std::move(view.tags), view.up, view.heard_ms_ago, view.draining});
  }
  return ok;
}
Result<net::Ok> body_of(core::Counted&& counted) {
  net::Ok ok;
  ok.count = counted.count;
  ok.more = counted.more;
  return ok;
}
Result<net::Ok> body_of(Error&& error) { return std::move(error); }

}  // namespace

net::TaskInfo task_info(const model::TaskRow& row) {
  net::TaskInfo info;
  info.id = row.id;
  info.queue = row.queue;
  info.priority = row.priority;
  info.language = row.language;
  info.state = row.state;
  info.verdict = row.verdict;
  info.attempt = row.attempt;
  info.retry_count = row.attempt > 0 ? row.attempt - 1 : 0;
  info.code_hash = to_hex(row.code_hash);
  info.worker = row.worker;
  info.submitted_at = row.submitted_at;
  info.due_at = row.due_at;
  info.started_at = row.started_at;
  info.finished_at = row.finished_at;
  info.seq = row.seq;
  info.origin = row.origin;
  info.requeued_as = row.requeued_as;
  info.leader = row.leader;
  info.result_of = row.result_of;
  info.losses = row.losses;
  info.tenant = row.tenant;
  info.expires_at = row.expires_at;
  return info;
}

std::string encode_answer(const net::ToClient& answer) {
  std::string bytes = net::encode(answer);
  const auto* ok = std::get_if<net::Ok>(&answer);
  if (!ok || bytes.size() <= net::kMaxMessageBytes) return bytes;
  return net::encode(net::ToClient(net::ErrorReply{
      ok->rid, Error{ErrorCode::too_large, "the answer does not fit one message", "",
                     std::to_string(bytes.size()) + " bytes", "ask for less at once"}}));
}

net::ToClient Answers::make(core::Reply reply) {
  Result<net::Ok> made = std::visit(
      [&]<class Body>(Body& one) -> Result<net::Ok> {
        if constexpr (std::is_same_v<Body, core::FromStore>) {
          return read(reply.client, one);
        } else if constexpr (std::is_same_v<Body, core::StatusView>) {
          return status(std::move(one));
        } else {
          return body_of(std::move(one));
        }
      },
      reply.body);
  if (!made) return net::ErrorReply{reply.client.rid, std::move(made).error()};
  made->rid = reply.client.rid;
  return std::move(made).value();
}

Result<net::Ok> Answers::status(core::StatusView&& view) {
  net::Ok ok;
  ok.task = task_info(view.row);
  ok.task->waiting = std::move(view.waiting);
  ok.task->place = view.place;
  if (!view.history) return ok;
  auto lines = history(view.row);
  if (!lines) return std::move(lines).error();
  ok.history = std::move(lines).value();
  return ok;
}

Result<std::vector<net::EventInfo>> Answers::history(const model::TaskRow& row) {
  auto events = reader_->events(row.id);
  if (!events) return std::move(events).error();
  std::vector<net::EventInfo> lines;
  // That it was accepted is in its row, not among the events.
  lines.push_back(
      {row.submitted_at, model::TaskState::queued, 0, model::Verdict::none, "", "submitted"});
  for (model::TaskEvent& event : *events) {
    lines.push_back({event.at, event.state, event.attempt, event.verdict, std::move(event.worker),
                     std::move(event.note)});
  }
  return lines;
}

Result<net::Ok> Answers::read(const core::ClientRef& client, const core::FromStore& wanted) {
  if (wanted.what == core::FromStore::What::list) return list(client, wanted.list);
  return task(client, wanted);
}

Result<net::Ok> Answers::task(const core::ClientRef& client, const core::FromStore& wanted) {
  auto row = reader_->find_task(wanted.id);
  if (!row) return std::move(row).error();
  if (!row->has_value() || !core::may_see(client, (*row)->tenant)) {
    return core::no_such_task(wanted.id);
  }
  net::Ok ok;
  ok.task = task_info(**row);
  if (wanted.history) {
    auto lines = history(**row);
    if (!lines) return std::move(lines).error();
    ok.history = std::move(lines).value();
  }
  if (wanted.what == core::FromStore::What::status) return ok;
  auto bytes = reader_->find_result(wanted.id);
  if (!bytes) return std::move(bytes).error();
  if (!*bytes) return ok;  // cancelled or expired before it ran
  auto result = net::decode_result(**bytes);
  if (!result) return std::move(result).error();
  ok.result = std::move(result).value();
  return ok;
}

Result<net::Ok> Answers::list(const core::ClientRef& client, const core::QueryList& wanted) {
  store::ListFilter filter;
  if (!client.admin) filter.tenant = client.tenant;
  filter.queue = wanted.queue;
  filter.state = wanted.state;
  filter.before_seq = wanted.before_seq;
  filter.limit = std::min<size_t>(wanted.limit, store::kMaxListRows);
  const auto rows = reader_->list(filter);
  if (!rows) return rows.error();
  net::Ok ok;
  ok.tasks.emplace();
  for (const model::TaskRow& row : *rows) ok.tasks->push_back(task_info(row));
  return ok;
}

Result<model::Bytes> Answers::read_program(const TaskId& id) {
  auto bytes = reader_->find_program(id);
  if (bytes && !*bytes) {
    return Error{ErrorCode::corrupt, "the program of task " + to_string(id) + " is missing", "", "",
                 "submit it again"};
  }
  return bytes;
}

}  // namespace kiln::actors
