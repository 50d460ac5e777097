// The worker's supervisor: starts session, executor and streamer, watches them, and starts again
// those that end unasked (supervision.h). What a new one must know it learns from the wiring: a new
// executor kills the cells of the old one, and the session ends their tasks as our own failure; a
// new session holds nothing, so the executor kills what runs and the broker gives it to others.
#include "actors/supervision.h"

namespace kiln::actors {
namespace {

constexpr const char* kSession = "session";

struct SupervisorState {
  static inline const char* name = "supervisor";
  WorkerSupervisor::stateful_pointer<SupervisorState> self = nullptr;
  std::function<void(Error)> on_fatal;
  WorkerWiring wiring;
  Children children;
  core::RestartPolicy restarts;
  OpenLink broker;
  bool draining = false;
  bool stopping = false;

  // The order is that of their ends.
  void add_children(const WorkerParts& parts, const std::function<void()>& on_left) {
    caf::actor_system& system = self->system();
    add(kSession, wiring.session, [&system, parts, on_left] {
      return spawn_session(system, parts.session, on_left, parts.insight);
    });
    add("executor", wiring.executor,
        [&system, parts] { return spawn_executor(system, parts.cells, parts.languages); });
    add("streamer", wiring.streamer, [&system] { return spawn_streamer(system); });
    add("transfers", wiring.transfers, [&system] { return spawn_transfers(system); });
    wire_all();
  }

  template <class Handle, class Spawn>
  void add(const char* child, Handle& place, Spawn spawn) {
    children.add(child, [this, &place, spawn] {
      place = spawn();
      self->monitor(place);
      // Before anybody else hears of it: else it could be asked before it knows whom to answer.
      caf::anon_send(place, wiring);
      return caf::actor_cast<caf::actor>(place);
    });
  }

  void wire_all() {
    caf::anon_send(wiring.session, wiring);
    caf::anon_send(wiring.executor, wiring);
    caf::anon_send(wiring.streamer, wiring);
    caf::anon_send(wiring.transfers, wiring);
  }

  void ended(const caf::down_msg& down) {
    const Child* child = children.ended(down.source);
    if (!child) return;
    if (stopping) return end_next();
    restart_later(self, restarts, child->name, down.reason, on_fatal);
  }

  void start_again(const std::string& child) {
    if (stopping || !children.start_again(child)) return;
    wire_all();
    if (child != kSession) return;
    caf::anon_send(wiring.session, OpenLink(broker));
    if (draining) caf::anon_send(wiring.session, DrainAtom::value);
  }

  bool crash(const std::string& child_name) {
    const Child* child = children.find(child_name);
    if (!child || !child->handle) return false;
    self->send_exit(child->handle, caf::exit_reason::kill);
    return true;
  }

  void drain() {
    draining = true;
    caf::anon_send(wiring.session, DrainAtom::value);
  }

  void stop() {
    if (stopping) return;
    stopping = true;
    end_next();
  }

  void end_next() {
    const Child* next = children.first();
    if (next) return self->send_exit(next->handle, caf::exit_reason::user_shutdown);
    wiring = {};
    self->quit();
  }
};

WorkerSupervisor::behavior_type supervisor(WorkerSupervisor::stateful_pointer<SupervisorState> self,
                                           const WorkerParts& parts, WorkerHandlers handlers) {
  end_on_failure(self, "supervisor");
  self->state.self = self;
  self->state.on_fatal = std::move(handlers.on_fatal);
  self->set_down_handler([=](const caf::down_msg& down) { self->state.ended(down); });
  self->state.add_children(parts, handlers.on_left);
  return {
      [=](OpenLink& wanted) {
        self->state.broker = wanted;
        return self->delegate(self->state.wiring.session, std::move(wanted));
      },
      [=](const StartChild& start) { self->state.start_again(start.child); },
      [=](const CrashChild& crash) { return self->state.crash(crash.child); },
      [=](DrainAtom) { self->state.drain(); },
      [=](StopAtom) { self->state.stop(); },
  };
}

}  // namespace

WorkerSupervisor spawn_worker_supervisor(caf::actor_system& system, WorkerParts parts,
                                         WorkerHandlers handlers) {
  return system.spawn(supervisor, std::move(parts), std::move(handlers));
}

}  // namespace kiln::actors
