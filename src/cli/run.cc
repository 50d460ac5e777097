// kiln run: one program, here or on a broker, as if it were a local command.
#include <signal.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>

#include "base/random.h"
#include "cli/access.h"
#include "cli/artifact_writer.h"
#include "cli/commands.h"
#include "cli/embedded.h"
#include "cli/exit_codes.h"
#include "cli/follow.h"
#include "cli/out_directory.h"
#include "cli/task_input.h"
#include "net/client.h"

namespace kiln::cli {
namespace {

// Where artifacts go; nothing: nowhere.
struct Sink {
  PutPiece put;
  std::function<Status()> finish;
};

int follow_at(const BrokerAccess& broker, const TaskInput& task, const RunOptions& options,
              const Sink& sink, Signals& signals, const FatalCheck& fatal) {
  auto client = connect(broker);
  if (!client) return fail(client.error());
  const FollowOptions follow{options.json, options.quiet, broker.endpoint, sink.put, sink.finish};
  return follow_task(**client, task, follow, signals, fatal);
}

int run_embedded(const TaskInput& task, const RunOptions& options,
                 const config::Language& language) {
  Sink sink;
  std::unique_ptr<ArtifactWriter> writer;
  if (!options.out.empty()) {
    auto forked = ArtifactWriter::fork_for(options.out);
    if (!forked) return fail(forked.error());
    writer = std::move(*forked);
    sink.put = [&writer](const FilePiece& piece) { return writer->put(piece); };
    sink.finish = [&writer] { return writer->finish(); };
  }
  auto embedded = Embedded::start(language);
  if (!embedded) return fail(embedded.error());
  return follow_at({(*embedded)->endpoint(), "", ""}, task, options, sink, (*embedded)->signals(),
                   [&] { return (*embedded)->fatal(); });
}

int run_remote(const TaskInput& task, const RunOptions& options) {
  Sink sink;
  std::optional<OutDirectory> directory;
  if (!options.out.empty()) {
    auto opened = OutDirectory::open(options.out);
    if (!opened) return fail(opened.error());
    directory.emplace(std::move(*opened));
    sink.put = [&directory](const FilePiece& piece) { return directory->put(piece); };
  }
  signal(SIGPIPE, SIG_IGN);
  Signals signals([](int number) { _exit(kExitSignalBase + number); });
  return follow_at(options.broker, task, options, sink, signals,
                   [] { return std::optional<Error>(); });
}

}  // namespace

int execute(const RunOptions& options) {
  const config::Languages languages = config::default_languages();
  const bool embedded = options.broker.endpoint.empty();
  auto task = read_task(options.program, options.task, languages, embedded);
  if (!task) return fail(task.error());
  Random random = seeded_random();
  task->spec.id = make_id<TaskId>(real_now().wall, random);
  task->spec.wait = true;
  task->spec.cache = false;
  block_stop_signals();
  if (!embedded) return run_remote(*task, options);
  return run_embedded(*task, options, *languages.find(task->spec.program.language));
}

}  // namespace kiln::cli
