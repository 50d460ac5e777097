// The reader: answers from the store what clients ask about tasks that are not live. An actor of
// its own, so that many or long lists hold up no heartbeat and no assignment. What it answers is
// committed: the scheduler's reply came here behind the commit it rests on.
#include "actors/actor.h"
#include "actors/answers.h"
#include "actors/resubmission.h"
#include "actors/watches.h"
#include "core/scheduler.h"

namespace kiln::actors {
namespace {

struct ReaderState {
  static inline const char* name = "reader";
  // Not an aggregate: CAF would take a pointer to the actor for the first member's value.
  ReaderState() = default;
  std::optional<Answers> answers;
  std::optional<Random> random;
  BrokerWiring wiring;

  void read(ReadBatch& batch) {
    AnswerBatch made;
    const auto reads = answers->read_together();
    for (core::Reply& reply : batch.replies) {
      if (reply.client.rid == kNoAnswer) {
        watched_in_vain(reply.body);
      } else if (const auto* again = to_retry(reply.body)) {
        retry(reply.client, again->id, made);
      } else {
        core::ClientRef client = reply.client;
        made.answers.push_back({std::move(client), encode_answer(answers->make(std::move(reply)))});
      }
    }
    if (!made.answers.empty()) caf::anon_send(wiring.link, std::move(made));
  }

  static const core::FromStore* to_retry(const core::ReplyBody& body) {
    const auto* stored = std::get_if<core::FromStore>(&body);
    return stored && stored->what == core::FromStore::What::retry ? stored : nullptr;
  }

  // The queue submits it anew, and answers.
  void retry(const core::ClientRef& client, const TaskId& id, AnswerBatch& made) {
    auto command = again(client, id);
    if (!command) {
      const net::ErrorReply refusal{client.rid, std::move(command).error()};
      return made.answers.push_back({client, encode_answer(refusal)});
    }
    CommandBatch batch;
    batch.commands.emplace_back(std::move(command).value());
    caf::anon_send(wiring.queue, std::move(batch));
  }

  Result<core::Resubmit> again(const core::ClientRef& client, const TaskId& id) {
    auto row = answers->read_row(id);
    if (!row) return std::move(row).error();
    if (!row->has_value() || !core::may_see(client, (*row)->tenant)) return core::no_such_task(id);
    auto program = answers->read_program(id);
    if (!program) return std::move(program).error();
    core::Resubmit command{client, {}, true};
    command.items.push_back(
        resubmission(std::move(**row), std::move(program).value(), real_now().wall, *random));
    return command;
  }

  // A watcher was subscribed again to a task that has ended meanwhile: its end was not told.
  void watched_in_vain(const core::ReplyBody& body) {
    const auto* stored = std::get_if<core::FromStore>(&body);
    if (!stored) return;
    auto row = answers->read_row(stored->id);
    if (!row || !row->has_value()) return;
    StreamBatch batch;
    batch.news.emplace_back(core::TaskEnded{std::move(**row)});
    caf::anon_send(wiring.streams, std::move(batch));
  }
};

ReaderActor::behavior_type reader(ReaderActor::stateful_pointer<ReaderState> self,
                                  SharedReader store) {
  end_on_failure(self, "reader");
  self->state.answers.emplace(std::move(store));
  self->state.random.emplace(seeded_random());
  return {
      [=](const BrokerWiring& wiring) { self->state.wiring = wiring; },
      [=](ReadBatch& batch) { self->state.read(batch); },
  };
}

}  // namespace

ReaderActor spawn_reader(caf::actor_system& system, SharedReader reader_of_store) {
  return system.spawn(reader, std::move(reader_of_store));
}

}  // namespace kiln::actors
