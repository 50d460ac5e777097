// The worker's supervisor: starts session, executor and streamer, and watches them. One that ends
// unasked takes the worker down with it; the broker gives its leases to others.
#include <algorithm>

#include "actors/actor.h"

namespace kiln::actors {
namespace {

struct SupervisorState {
  static inline const char* name = "supervisor";
  WorkerSupervisor::stateful_pointer<SupervisorState> self = nullptr;
  std::function<void(Error)> on_fatal;
  SessionActor session;
  std::vector<caf::actor> children;
  bool stopping = false;

  void spawn_all(WorkerParts& parts, std::function<void()> on_left) {
    caf::actor_system& system = self->system();
    const ExecutorActor executor =
        spawn_executor(system, std::move(parts.cells), std::move(parts.languages));
    session = spawn_session(system, executor, std::move(parts.session), std::move(on_left));
    const StreamerActor streamer = spawn_streamer(system, session);
    caf::anon_send(executor, ExecutorWiring{session, streamer});
    adopt(session);
    adopt(executor);
    adopt(streamer);
  }

  template <class Handle>
  void adopt(const Handle& handle) {
    children.push_back(caf::actor_cast<caf::actor>(handle));
    self->monitor(handle);
  }

  void ended(const caf::down_msg& down) {
    std::erase_if(children, [&](const caf::actor& one) { return one.address() == down.source; });
    if (stopping) return end_when_alone();
    on_fatal(Error{ErrorCode::internal, "an actor of the worker ended", "",
                   self->system().render(down.reason), "start the worker again"});
  }

  void stop() {
    stopping = true;
    for (const caf::actor& child : children) {
      self->send_exit(child, caf::exit_reason::user_shutdown);
    }
    end_when_alone();
  }

  void end_when_alone() {
    if (children.empty()) self->quit();
  }
};

WorkerSupervisor::behavior_type supervisor(WorkerSupervisor::stateful_pointer<SupervisorState> self,
                                           WorkerParts parts, WorkerHandlers handlers) {
  end_on_failure(self, "supervisor");
  self->state.self = self;
  self->state.on_fatal = std::move(handlers.on_fatal);
  self->set_down_handler([=](const caf::down_msg& down) { self->state.ended(down); });
  self->state.spawn_all(parts, std::move(handlers.on_left));
  return {
      [=](OpenLink& wanted) { return self->delegate(self->state.session, std::move(wanted)); },
      [=](DrainAtom drain) { caf::anon_send(self->state.session, drain); },
      [=](StopAtom) { self->state.stop(); },
  };
}

}  // namespace

WorkerSupervisor spawn_worker_supervisor(caf::actor_system& system, WorkerParts parts,
                                         WorkerHandlers handlers) {
  return system.spawn(supervisor, std::move(parts), std::move(handlers));
}

}  // namespace kiln::actors
