// The executor: from a lease to a cell and back. It knows which cell runs under which lease, and
// how a language runs a program; the session decides what runs, the sandbox how it ends.
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
  SessionActor session;
  StreamerActor streamer;
  std::map<model::LeaseRef, sandbox::CellId> cell_of;
  std::unordered_map<sandbox::CellId, model::LeaseRef> lease_of;

  void wire(const ExecutorActor& self, const ExecutorWiring& wiring) {
    session = wiring.session;
    streamer = wiring.streamer;
    sandbox::CellHandlers handlers;
    handlers.on_started = [self](sandbox::CellId id) { caf::anon_send(self, CellStarted{id}); };
    handlers.on_output = [to = streamer](sandbox::CellId id, sandbox::Stream stream,
                                         uint64_t /*offset*/, std::string_view bytes) {
      caf::anon_send(to, CellOutput{id, stream, std::string(bytes)});
    };
    handlers.on_finished = [self](sandbox::CellId id, model::TaskResult result) {
      caf::anon_send(self, CellFinished{id, std::move(result)});
    };
    cells->set_handlers(std::move(handlers));
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
    caf::anon_send(streamer, StreamOpened{cell, assign.lease, assign.watch});
    cells->run(cell, make_cell_request(*language, std::move(*program)));
  }

  void cannot_run(const model::LeaseRef& lease, const std::string& why) {
    model::TaskResult result;
    result.verdict = model::Verdict::infrastructure_error;
    result.message = why;
    finish(0, lease, result);
  }

  void stop(const model::LeaseRef& lease) {
    const auto cell = cell_of.find(lease);
    if (cell != cell_of.end()) cells->kill(cell->second, sandbox::KillReason::cancelled);
  }

  void watch(const WatchChange& change) {
    const auto cell = cell_of.find(change.lease);
    if (cell != cell_of.end()) caf::anon_send(streamer, WatchCell{cell->second, change.on});
  }

  void started(sandbox::CellId cell) {
    const auto lease = lease_of.find(cell);
    if (lease != lease_of.end()) caf::anon_send(session, TaskStarted{lease->second});
  }

  void finished(const CellFinished& finished) {
    const auto lease = lease_of.find(finished.cell);
    if (lease == lease_of.end()) return;
    const model::LeaseRef ref = lease->second;
    lease_of.erase(lease);
    cell_of.erase(ref);
    finish(finished.cell, ref, finished.result);
  }

  void finish(sandbox::CellId cell, const model::LeaseRef& lease, const model::TaskResult& result) {
    caf::anon_send(streamer,
                   TaskFinished{cell, lease, result.verdict,
                                std::make_shared<std::string>(net::encode_result(result))});
  }
};

ExecutorActor::behavior_type executor(ExecutorActor::stateful_pointer<ExecutorState> self,
                                      std::shared_ptr<CellHost> cells,
                                      config::Languages languages) {
  end_on_failure(self, "executor");
  self->state.cells = std::move(cells);
  self->state.languages = std::move(languages);
  return {
      [=](const ExecutorWiring& wiring) {
        self->state.wire(caf::actor_cast<ExecutorActor>(self), wiring);
      },
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
