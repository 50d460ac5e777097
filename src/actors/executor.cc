// The executor: from a lease to a cell and back. It knows which cell runs under which lease, and
// how a language runs a program; the session decides what runs, the sandbox how it ends.
//
// What runs belongs to one executor and one session: a new executor kills the cells of the one
// before, and when the session is new, what runs is killed, since nobody holds its leases.
#include <map>
#include <unordered_map>

#include "actors/actor.h"
#include "actors/cell_request.h"
#include "net/codec.h"

namespace kiln::actors {
namespace {

struct ExecutorState {
  static inline const char* name = "executor";
  std::shared_ptr<CellHost> cells;
  config::Languages languages;
  ExecutorActor::stateful_pointer<ExecutorState> self = nullptr;
  WorkerWiring wiring;
  std::map<model::LeaseRef, sandbox::CellId> cell_of;
  std::unordered_map<sandbox::CellId, model::LeaseRef> lease_of;
  // Bytes of both streams so far; only the runner's thread uses it.
  using Offsets = std::unordered_map<sandbox::CellId, uint64_t>;
  std::shared_ptr<Offsets> offsets = std::make_shared<Offsets>();

  void wire(const WorkerWiring& now) {
    const WorkerWiring before = std::exchange(wiring, now);
    if (!before.streamer || before.streamer != now.streamer) take_cells();
    if (before.session && before.session != now.session) abandon_all();
  }

  // The cells' events come here and to the streamer, which may be a new one: it is told what runs.
  void take_cells() {
    const auto me = caf::actor_cast<ExecutorActor>(self);
    sandbox::CellHandlers handlers;
    handlers.on_started = [me](sandbox::CellId id) { caf::anon_send(me, CellStarted{id}); };
    handlers.on_output = [to = wiring.streamer, offsets = offsets](
                             sandbox::CellId id, sandbox::Stream stream, uint64_t /*offset*/,
                             std::string_view bytes) {
      const uint64_t offset = std::exchange((*offsets)[id], (*offsets)[id] + bytes.size());
      caf::anon_send(to, CellOutput{id, offset, stream, std::string(bytes)});
    };
    handlers.on_finished = [me, offsets = offsets](sandbox::CellId id, model::TaskResult result) {
      offsets->erase(id);
      caf::anon_send(me, CellFinished{id, std::move(result)});
    };
    cells->set_handlers(std::move(handlers));
    for (const auto& [cell, lease] : lease_of) {
      caf::anon_send(wiring.streamer, StreamOpened{cell, lease, false});
    }
  }

  void abandon_all() {
    cells->kill_all();
    cell_of.clear();
    lease_of.clear();
  }

  void run(const model::Assign& assign) {
    auto program = net::decode_program(*assign.program);
    if (!program) return cannot_run(assign.lease, program.error().text());
    const config::Language* language = languages.find(program->language);
    if (!language) return cannot_run(assign.lease, "this worker has no " + program->language);
    const sandbox::CellId cell = cells->next_id();
    cell_of[assign.lease] = cell;
    lease_of[cell] = assign.lease;
    // The streamer hears of the cell before its first output.
    caf::anon_send(wiring.streamer, StreamOpened{cell, assign.lease, assign.watch});
    cells->run(cell, make_cell_request(*language, std::move(*program)));
  }

  void cannot_run(const model::LeaseRef& lease, const std::string& why) {
    model::TaskResult result;
    result.verdict = model::Verdict::infrastructure_error;
    result.message = why;
    finish(lease, result);
  }

  void stop(const model::LeaseRef& lease) {
    const auto cell = cell_of.find(lease);
    if (cell != cell_of.end()) cells->kill(cell->second, sandbox::KillReason::cancelled);
  }

  void watch(const WatchChange& change) {
    const auto cell = cell_of.find(change.lease);
    if (cell != cell_of.end()) caf::anon_send(wiring.streamer, WatchCell{cell->second, change.on});
  }

  void started(sandbox::CellId cell) {
    const auto lease = lease_of.find(cell);
    if (lease != lease_of.end()) caf::anon_send(wiring.session, TaskStarted{lease->second});
  }

  void finished(const CellFinished& finished) {
    const auto lease = lease_of.find(finished.cell);
    if (lease == lease_of.end()) return;
    const model::LeaseRef ref = lease->second;
    lease_of.erase(lease);
    cell_of.erase(ref);
    self->request(wiring.streamer, caf::infinite, CellClosed{finished.cell})
        .then([this, ref, result = finished.result](bool) { finish(ref, result); },
              [this, ref, result = finished.result](const caf::error&) { finish(ref, result); });
  }

  void finish(const model::LeaseRef& lease, const model::TaskResult& result) {
    caf::anon_send(wiring.session,
                   TaskFinished{lease, result.verdict,
                                std::make_shared<std::string>(net::encode_result(result))});
  }
};

ExecutorActor::behavior_type executor(ExecutorActor::stateful_pointer<ExecutorState> self,
                                      std::shared_ptr<CellHost> cells,
                                      config::Languages languages) {
  end_on_failure(self, "executor");
  self->state.self = self;
  self->state.cells = std::move(cells);
  self->state.languages = std::move(languages);
  self->state.cells->kill_all();
  return {
      [=](const WorkerWiring& wiring) { self->state.wire(wiring); },
      [=](const RunTask& task) { self->state.run(task.assign); },
      [=](const StopTask& task) { self->state.stop(task.lease); },
      [=](const WatchChange& change) { self->state.watch(change); },
      [=](const CellStarted& started) { self->state.started(started.cell); },
      [=](const CellFinished& finished) { self->state.finished(finished); },
  };
}

}  // namespace

ExecutorActor spawn_executor(caf::actor_system& system, std::shared_ptr<CellHost> cells,
                             config::Languages languages) {
  return system.spawn(executor, std::move(cells), std::move(languages));
}

}  // namespace kiln::actors
