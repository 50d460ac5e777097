// Dead letters: a task that died is told of with its evidence, once, when its end is committed: in
// the log and to the operator's alert command. And what people do with them: list, show, submit
// anew, delete. The tasks themselves stay in the store in state `dead`; what is done to them is
// decided by the scheduler, from the rows that are read here.
#include <unistd.h>

#include <algorithm>

#include "actors/actor.h"
#include "actors/alert_hook.h"
#include "actors/answers.h"
#include "actors/resubmission.h"
#include "core/scheduler.h"
#include "log/line.h"

namespace kiln::actors {
namespace {

// Programs read for one requeue; what is above goes with the client's next request.
constexpr size_t kMaxProgramsBytes = size_t{64} << 20U;

struct DeadLetterState {
  static inline const char* name = "dead_letter";
  // Not an aggregate: CAF would take a pointer to the actor for the first member's value.
  DeadLetterState() = default;
  SharedReader reader;
  std::optional<Answers> answers;
  std::optional<AlertHook> hook;
  std::optional<Random> random;
  BrokerWiring wiring;

  // --- a task died

  std::string history(const TaskId& id) {
    const auto events = reader->events(id);
    if (!events) return "unknown: " + events.error().text();
    std::string text;
    for (const model::TaskEvent& event : *events) {
      if (event.note.empty()) continue;
      text.append(text.empty() ? "" : "; ").append(event.note);
    }
    return text;
  }

  void tell(const model::TaskRow& row) {
    constexpr const char* kMessage = "a task is dead";
    const std::string id = to_string(row.id);
    const std::string history_text = history(row.id);
    const log::Fields fields{{"task", id},
                             {"tenant", row.tenant},
                             {"queue", row.queue},
                             {"attempts", row.attempt},
                             {"verdict", model::to_string(row.verdict)},
                             {"worker", row.worker},
                             {"losses", row.losses},
                             {"history", history_text}};
    log::warning(kMessage, fields);
    if (hook) {
      hook->tell(log::json_line(
          {real_now().wall, log::Level::warning, "broker", ::getpid(), kMessage, fields}));
    }
  }

  // --- what clients ask

  void serve(LetterRequest& request) {
    switch (request.wanted.op) {
      case net::DeadLetterOp::list:
        return answer(request.client, list(request));
      case net::DeadLetterOp::show:
        return answer(request.client, show(request));
      case net::DeadLetterOp::requeue:
        return requeue(request);
      case net::DeadLetterOp::purge:
        return purge(request);
    }
  }

  void answer(const core::ClientRef& client, Result<net::Ok> made) {
    if (made) made->rid = client.rid;
    const net::ToClient message = made ? net::ToClient(std::move(made).value())
                                       : net::ToClient(net::ErrorReply{client.rid, made.error()});
    AnswerBatch batch;
    batch.answers.push_back({client, encode_answer(message)});
    caf::anon_send(wiring.link, std::move(batch));
  }

  Result<net::Ok> list(const LetterRequest& request) {
    const auto rows = choose(request);
    if (!rows) return rows.error();
    net::Ok ok;
    ok.tasks.emplace();
    for (const model::TaskRow& row : *rows) ok.tasks->push_back(task_info(row));
    ok.more = rows->size() == request.wanted.limit;
    return ok;
  }

  Result<net::Ok> show(const LetterRequest& request) {
    if (request.wanted.ids.size() != 1) {
      return field_error("ids", "one id is needed", "name the dead letter to show");
    }
    const auto rows = choose(request);
    if (!rows) return rows.error();
    const auto what = core::FromStore::What::result;
    return answers->read(request.client, core::FromStore{what, rows->front().id, {}, true});
  }

  void requeue(const LetterRequest& request) {
    auto rows = choose(request);
    if (!rows) return answer(request.client, std::move(rows).error());
    if (request.wanted.dry_run) return answer(request.client, only_say(*rows, request.wanted));
    core::Resubmit command;
    command.client = request.client;
    command.one = request.wanted.ids.size() == 1;
    size_t bytes = 0;
    for (model::TaskRow& row : *rows) {
      auto program = answers->read_program(row.id);
      if (!program) return answer(request.client, std::move(program).error());
      bytes += (*program)->size();
      command.items.push_back(
          resubmission(std::move(row), std::move(program).value(), real_now().wall, *random));
      if (bytes > kMaxProgramsBytes) break;
    }
    to_queue(std::move(command));
  }

  void purge(const LetterRequest& request) {
    auto rows = choose(request);
    if (!rows) return answer(request.client, std::move(rows).error());
    if (request.wanted.dry_run) return answer(request.client, only_say(*rows, request.wanted));
    to_queue(core::PurgeDead{request.client, std::move(rows).value()});
  }

  static net::Ok only_say(const std::vector<model::TaskRow>& rows, const net::DeadLetters& wanted) {
    net::Ok ok;
    ok.tasks.emplace();
    for (const model::TaskRow& row : rows) ok.tasks->push_back(task_info(row));
    ok.count = rows.size();
    ok.more = wanted.ids.empty() && rows.size() == wanted.limit;
    return ok;
  }

  void to_queue(core::Command command) {
    CommandBatch batch;
    batch.commands.push_back(std::move(command));
    caf::anon_send(wiring.queue, std::move(batch));
  }

  // The rows a request speaks of: those named, or those that its filter keeps.
  Result<std::vector<model::TaskRow>> choose(const LetterRequest& request) {
    const net::DeadLetters& wanted = request.wanted;
    if (!wanted.ids.empty()) return named(request);
    store::ListFilter filter;
    if (!request.client.admin) filter.tenant = request.client.tenant;
    filter.queue = wanted.queue;
    filter.state = model::TaskState::dead;
    filter.verdict = wanted.verdict;
    filter.not_requeued = true;
    filter.before_seq = wanted.before_seq;
    filter.limit = std::min<size_t>(wanted.limit, store::kMaxListRows);
    return reader->list(filter);
  }

  Result<std::vector<model::TaskRow>> named(const LetterRequest& request) {
    std::vector<model::TaskRow> rows;
    for (const TaskId& id : request.wanted.ids) {
      auto row = reader->find_task(id);
      if (!row) return std::move(row).error();
      if (!row->has_value() || !core::may_see(request.client, (*row)->tenant)) {
        return core::no_such_task(id);
      }
      if ((*row)->state != model::TaskState::dead) return no_letter(**row);
      rows.push_back(std::move(**row));
    }
    return rows;
  }

  static Error no_letter(const model::TaskRow& row) {
    return {ErrorCode::conflict,
            "the task " + to_string(row.id) + " is no dead letter: it is " +
                std::string(model::to_string(row.state)),
            "ids", "", "See kiln dead-letters list"};
  }
};

DeadLetterActor::behavior_type dead_letter(DeadLetterActor::stateful_pointer<DeadLetterState> self,
                                           SharedReader reader, std::string alert_command) {
  end_on_failure(self, "dead_letter");
  DeadLetterState& state = self->state;
  state.reader = reader;
  state.answers.emplace(std::move(reader));
  state.random.emplace(seeded_random());
  if (!alert_command.empty()) state.hook.emplace(std::move(alert_command));
  return {
      [=](const BrokerWiring& wiring) { self->state.wiring = wiring; },
      [=](const DeadBatch& batch) {
        for (const model::TaskRow& row : batch.rows) self->state.tell(row);
      },
      [=](LetterRequest& request) { self->state.serve(request); },
  };
}

}  // namespace

DeadLetterActor spawn_dead_letter(caf::actor_system& system, SharedReader reader,
                                  std::string alert_command) {
  return system.spawn(dead_letter, std::move(reader), std::move(alert_command));
}

}  // namespace kiln::actors
