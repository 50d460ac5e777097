// The streamer: live output on its way from the cells to the session. When the executor says that a
// cell has closed, all its output is sent on before that is answered, so a task's end never
// overtakes its output; results do not pass through here. A new streamer has lost what was kept:
// whoever watches sees a gap.
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
  WorkerWiring wiring;

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
    if (!batch.output.empty()) caf::anon_send(wiring.session, std::move(batch));
  }

  void add(const CellOutput& output) {
    change(output.cell, [&](LiveOutput& live) {
      live.add(static_cast<uint8_t>(output.stream), output.offset, output.bytes);
    });
  }
  void watch(const WatchCell& watch) {
    change(watch.cell, [&](LiveOutput& live) { live.watch(watch.on); });
  }
};

StreamerActor::behavior_type streamer(StreamerActor::stateful_pointer<StreamerState> self) {
  end_on_failure(self, "streamer");
  return {
      [=](const WorkerWiring& wiring) { self->state.wiring = wiring; },
      [=](const StreamOpened& opened) { self->state.open(opened); },
      [=](const CellOutput& output) { self->state.add(output); },
      [=](const WatchCell& watch) { self->state.watch(watch); },
      [=](const CellClosed& closed) { return self->state.outputs.erase(closed.cell) != 0; },
  };
}

}  // namespace

StreamerActor spawn_streamer(caf::actor_system& system) { return system.spawn(streamer); }

}  // namespace kiln::actors
