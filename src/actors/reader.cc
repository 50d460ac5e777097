// The reader: answers from the store what clients ask about tasks that are not live. An actor of
// its own, so that many or long lists hold up no heartbeat and no assignment. What it answers is
// committed: the scheduler's reply came here behind the commit it rests on.
#include "actors/actor.h"
#include "actors/answers.h"
#include "actors/watches.h"

namespace kiln::actors {
namespace {

struct ReaderState {
  static inline const char* name = "reader";
  // Not an aggregate: CAF would take a pointer to the actor for the first member's value.
  ReaderState() = default;
  std::optional<Answers> answers;
  BrokerWiring wiring;

  void read(ReadBatch& batch) {
    AnswerBatch made;
    for (core::Reply& reply : batch.replies) {
      if (reply.client.rid == kNoAnswer) {
        watched_in_vain(reply.body);
      } else {
        core::ClientRef client = reply.client;
        made.answers.push_back({std::move(client), encode_answer(answers->make(std::move(reply)))});
      }
    }
    if (!made.answers.empty()) caf::anon_send(wiring.link, std::move(made));
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
