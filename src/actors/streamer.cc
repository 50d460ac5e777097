// The streamer: live output on its way from the cells to the session. A cell's output, then its
// end, pass through here in the order they happened, so a task's end never overtakes its output.
#include <unordered_map>

#include "actors/actor.h"
#include "actors/live_output.h"

namespace kiln::actors {
namespace {

struct StreamerState {
  static inline const char* name = "streamer";
  // Not an aggregate: CAF would take a pointer to the actor for the first member's value.
  StreamerState() = default;
  std::unordered_map<sandbox::CellId, LiveOutput> outputs;
  SessionActor session;

  void open(const StreamOpened& opened) {
    outputs.insert_or_assign(opened.cell, LiveOutput(opened.lease, opened.watch));
  }

  template <class Change>
  void change(sandbox::CellId cell, Change change) {
    const auto output = outputs.find(cell);
    if (output == outputs.end()) return;
    change(output->second);
    OutputBatch batch;
    output->second.take(batch.output);
    if (!batch.output.empty()) caf::anon_send(session, std::move(batch));
  }

  void add(const CellOutput& output) {
    change(output.cell,
           [&](LiveOutput& live) { live.add(static_cast<uint8_t>(output.stream), output.bytes); });
  }
  void watch(const WatchCell& watch) {
    change(watch.cell, [&](LiveOutput& live) { live.watch(watch.on); });
  }
  void finish(TaskFinished& finished) {
    outputs.erase(finished.cell);
    caf::anon_send(session, std::move(finished));
  }
};

StreamerActor::behavior_type streamer(StreamerActor::stateful_pointer<StreamerState> self,
                                      const SessionActor& session) {
  end_on_failure(self, "streamer");
  self->state.session = session;
  return {
      [=](const StreamOpened& opened) { self->state.open(opened); },
      [=](const CellOutput& output) { self->state.add(output); },
      [=](const WatchCell& watch) { self->state.watch(watch); },
      [=](TaskFinished& finished) { self->state.finish(finished); },
  };
}

}  // namespace

StreamerActor spawn_streamer(caf::actor_system& system, SessionActor session) {
  return system.spawn(streamer, std::move(session));
}

}  // namespace kiln::actors
