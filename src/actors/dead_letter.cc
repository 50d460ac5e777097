// Dead letters: a task that died is told of with its evidence, once, when its end is committed. The
// tasks themselves stay in the store in state `dead` (`list` with that state shows them).
#include "actors/actor.h"

namespace kiln::actors {
namespace {

struct DeadLetterState {
  static inline const char* name = "dead_letter";
  SharedReader reader;

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
    const std::string history_text = history(row.id);
    log::warning("a task is dead", {{"task", to_string(row.id)},
                                    {"queue", row.queue},
                                    {"attempts", row.attempt},
                                    {"verdict", model::to_string(row.verdict)},
                                    {"worker", row.worker},
                                    {"losses", row.losses},
                                    {"history", history_text}});
  }
};

DeadLetterActor::behavior_type dead_letter(DeadLetterActor::stateful_pointer<DeadLetterState> self,
                                           SharedReader reader) {
  end_on_failure(self, "dead_letter");
  self->state.reader = std::move(reader);
  return {
      [](const BrokerWiring&) {},
      [=](const DeadBatch& batch) {
        for (const model::TaskRow& row : batch.rows) self->state.tell(row);
      },
  };
}

}  // namespace

DeadLetterActor spawn_dead_letter(caf::actor_system& system, SharedReader reader) {
  return system.spawn(dead_letter, std::move(reader));
}

}  // namespace kiln::actors
