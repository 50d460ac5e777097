// The executor: from a lease to its cells and back. It knows which cell runs under which lease, and
// how a language runs a program: at once, or after a compile step in a cell of its own, whose
// output it keeps for the next time. The session decides what runs, the sandbox how it ends.
//
// Blobs that a task needs are fetched before it starts, and those of its result are stored before
// its end is told; meanwhile it is in `waiting` or `ending` and in no cell.
//
// What runs belongs to one executor and one session: a new executor kills the cells of the one
// before, and when the session is new, what runs is killed, since nobody holds its leases.
#include <map>
#include <unordered_map>

#include "actors/actor.h"
#include "actors/cell_request.h"
#include "actors/compile_cache.h"
#include "actors/compile_step.h"
#include "actors/result_blobs.h"
#include "net/codec.h"

namespace kiln::actors {
namespace {

// One task on its way, in one cell at a time.
struct Execution {
  model::LeaseRef lease;
  const config::Language* language = nullptr;
  model::Program program;
  bool watch = false;
  bool told_started = false;
  bool compiling = false;
  Sha256 compile_key{};
  std::optional<int64_t> compile_us;
};

// A result on its way out, behind its blobs.
struct Ending {
  model::TaskResult result;
  std::map<model::BlobRef, model::Bytes> blobs;
};

struct ExecutorState {
  static inline const char* name = "executor";
  std::shared_ptr<CellHost> cells;
  WorkerLanguages languages;
  ExecutorActor::stateful_pointer<ExecutorState> self = nullptr;
  WorkerWiring wiring;
  std::map<model::LeaseRef, sandbox::CellId> cell_of;
  std::unordered_map<sandbox::CellId, Execution> executions;
  std::map<model::LeaseRef, Execution> waiting;  // for their blobs
  std::map<model::LeaseRef, Ending> ending;
  CompileCache compiled;
  // Bytes of both streams so far; only the runner's thread uses it.
  using Offsets = std::unordered_map<sandbox::CellId, uint64_t>;
  std::shared_ptr<Offsets> offsets = std::make_shared<Offsets>();

  void wire(const WorkerWiring& now) {
    const WorkerWiring before = std::exchange(wiring, now);
    if (!before.streamer || before.streamer != now.streamer) take_cells();
    if (before.session && before.session != now.session) abandon_all();
    if (before.transfers && before.transfers != now.transfers) ask_again();
  }

  // A new transfers actor knows of nothing.
  void ask_again() {
    for (const auto& [lease, execution] : waiting) fetch_blobs(execution);
    for (const auto& [lease, end] : ending) {
      caf::anon_send(wiring.transfers, StoreBlobs{lease, end.blobs});
    }
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
    for (const auto& [cell, execution] : executions) {
      if (!execution.compiling) {
        caf::anon_send(wiring.streamer, StreamOpened{cell, execution.lease, false});
      }
    }
  }

  void abandon_all() {
    cells->kill_all();
    cell_of.clear();
    executions.clear();
    waiting.clear();
    ending.clear();
    caf::anon_send(wiring.transfers, DropBlobs{});
  }

  void run(const model::Assign& assign) {
    auto program = net::decode_program(*assign.program);
    if (!program) return cannot_run(assign.lease, program.error().text());
    const config::Language* language = languages.offered.find(program->language);
    if (!language) return cannot_run(assign.lease, "this worker has no " + program->language);
    Execution execution;
    execution.lease = assign.lease;
    execution.language = language;
    execution.program = std::move(*program);
    execution.watch = assign.watch;
    if (model::blobs_of(execution.program).empty()) return begin(std::move(execution));
    fetch_blobs(execution);
    const model::LeaseRef lease = execution.lease;
    waiting.insert_or_assign(lease, std::move(execution));
  }

  void fetch_blobs(const Execution& execution) {
    caf::anon_send(wiring.transfers,
                   FetchBlobs{execution.lease, model::blobs_of(execution.program)});
  }

  void fetched(const BlobsFetched& blobs) {
    auto node = waiting.extract(blobs.lease);
    if (!node) return;
    if (blobs.error) return cannot_run(blobs.lease, blobs.error->text());
    Execution execution = std::move(node.mapped());
    for (model::InputFile& file : execution.program.files) {
      if (file.blob) file.bytes = *blobs.blobs.at(file.blob->sha256);
      file.blob.reset();
    }
    begin(std::move(execution));
  }

  void begin(Execution execution) {
    if (execution.language->compile.empty()) return start_program(std::move(execution), {});
    compile(std::move(execution));
  }

  void compile(Execution execution) {
    auto request = make_compile_request(*execution.language, execution.program);
    execution.compile_key = compile_key(request, languages.versions[execution.language->name]);
    if (const auto files = compiled.find(execution.compile_key)) {
      return start_program(std::move(execution), *files);
    }
    execution.compiling = true;
    cells->run(place(std::move(execution)), std::move(request));
  }

  void start_program(Execution execution, const ProgramFiles& files) {
    execution.compiling = false;
    auto request = make_cell_request(*execution.language, std::move(execution.program), files);
    const StreamOpened opened{0, execution.lease, execution.watch};
    const sandbox::CellId cell = place(std::move(execution));
    // The streamer hears of the cell before its first output.
    caf::anon_send(wiring.streamer, StreamOpened{cell, opened.lease, opened.watch});
    cells->run(cell, std::move(request));
  }

  sandbox::CellId place(Execution execution) {
    const sandbox::CellId cell = cells->next_id();
    cell_of[execution.lease] = cell;
    executions.emplace(cell, std::move(execution));
    return cell;
  }

  void cannot_run(const model::LeaseRef& lease, const std::string& why) {
    model::TaskResult result;
    result.verdict = model::Verdict::infrastructure_error;
    result.message = why;
    finish(lease, result);
  }

  void stop(const model::LeaseRef& lease) {
    if (waiting.erase(lease) + ending.erase(lease) > 0) return cancelled(lease);
    const auto cell = cell_of.find(lease);
    if (cell != cell_of.end()) cells->kill(cell->second, sandbox::KillReason::cancelled);
  }

  // It is in no cell: nothing is to be killed.
  void cancelled(const model::LeaseRef& lease) {
    caf::anon_send(wiring.transfers, DropBlobs{lease});
    model::TaskResult result;
    result.verdict = model::Verdict::cancelled;
    tell_end(lease, result);
  }

  void watch(const WatchChange& change) {
    if (const auto waits = waiting.find(change.lease); waits != waiting.end()) {
      waits->second.watch = change.on;
    }
    const auto cell = cell_of.find(change.lease);
    if (cell == cell_of.end()) return;
    executions.at(cell->second).watch = change.on;
    caf::anon_send(wiring.streamer, WatchCell{cell->second, change.on});
  }

  void started(sandbox::CellId cell) {
    const auto execution = executions.find(cell);
    if (execution == executions.end()) return;
    if (std::exchange(execution->second.told_started, true)) return;
    caf::anon_send(wiring.session, TaskStarted{execution->second.lease});
  }

  void finished(CellFinished finished) {
    auto node = executions.extract(finished.cell);
    if (!node) return;
    Execution& execution = node.mapped();
    cell_of.erase(execution.lease);
    if (!execution.compiling) {
      finished.result.cost.compile_us = execution.compile_us;
      return close(execution.lease, std::move(finished));
    }
    if (!has_compiled(finished.result)) return compile_failed(execution, std::move(finished));
    execution.compile_us = finished.result.cost.wall_us;
    const auto files = std::make_shared<const ProgramFiles>(take_compiled(finished.result));
    compiled.put(execution.compile_key, files);
    start_program(std::move(execution), *files);
  }

  // What the compiler printed is the task's output now: whoever watches gets it.
  void compile_failed(const Execution& execution, CellFinished finished) {
    finished.result = compile_failure(std::move(finished.result));
    const model::TaskResult& result = finished.result;
    const sandbox::CellId cell = finished.cell;
    caf::anon_send(wiring.streamer, StreamOpened{cell, execution.lease, execution.watch});
    caf::anon_send(wiring.streamer, CellOutput{cell, 0, sandbox::Stream::out, result.out.bytes});
    caf::anon_send(wiring.streamer, CellOutput{cell, result.out.bytes.size(), sandbox::Stream::err,
                                               result.err.bytes});
    close(execution.lease, std::move(finished));
  }

  // All its output is on its way before its end is told.
  void close(const model::LeaseRef& lease, CellFinished finished) {
    const auto result = std::make_shared<model::TaskResult>(std::move(finished.result));
    self->request(wiring.streamer, caf::infinite, CellClosed{finished.cell})
        .then([this, lease, result](bool) { finish(lease, std::move(*result)); },
              [this, lease, result](const caf::error&) { finish(lease, std::move(*result)); });
  }

  void finish(const model::LeaseRef& lease, model::TaskResult result) {
    auto blobs = take_blobs(result);
    if (blobs.empty()) return tell_end(lease, result);
    caf::anon_send(wiring.transfers, StoreBlobs{lease, blobs});
    ending.insert_or_assign(lease, Ending{std::move(result), std::move(blobs)});
  }

  void stored(const BlobsStored& blobs) {
    auto node = ending.extract(blobs.lease);
    if (!node) return;
    Ending& end = node.mapped();
    without(blobs.refused, end.blobs, end.result);
    tell_end(blobs.lease, end.result);
  }

  void tell_end(const model::LeaseRef& lease, const model::TaskResult& result) {
    caf::anon_send(wiring.session,
                   TaskFinished{lease, result.verdict,
                                std::make_shared<std::string>(net::encode_result(result))});
  }
};

ExecutorActor::behavior_type executor(ExecutorActor::stateful_pointer<ExecutorState> self,
                                      std::shared_ptr<CellHost> cells, WorkerLanguages languages) {
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
      [=](CellFinished& finished) { self->state.finished(std::move(finished)); },
      [=](const BlobsFetched& blobs) { self->state.fetched(blobs); },
      [=](const BlobsStored& blobs) { self->state.stored(blobs); },
  };
}

}  // namespace

ExecutorActor spawn_executor(caf::actor_system& system, std::shared_ptr<CellHost> cells,
                             WorkerLanguages languages) {
  return system.spawn(executor, std::move(cells), std::move(languages));
}

}  // namespace kiln::actors
