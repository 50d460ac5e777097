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

using WriteArtifacts = std::function<Status(const model::TaskResult&)>;

int follow_at(const BrokerAccess& broker, const model::TaskSpec& spec, const RunOptions& options,
              const WriteArtifacts& write, Signals& signals, const FatalCheck& fatal) {
  auto client = connect(broker);
  if (!client) return fail(client.error());
  const FollowOptions follow{options.json, options.quiet, broker.endpoint, write};
  return follow_task(**client, spec, follow, signals, fatal);
}

int run_embedded(const model::TaskSpec& spec, const RunOptions& options,
                 const config::Language& language) {
  WriteArtifacts write;
  std::unique_ptr<ArtifactWriter> writer;
  if (!options.out.empty()) {
    auto forked = ArtifactWriter::fork_for(options.out);
    if (!forked) return fail(forked.error());
    writer = std::move(*forked);
    write = [&writer](const model::TaskResult& result) { return writer->write(result); };
  }
  auto embedded = Embedded::start(language);
  if (!embedded) return fail(embedded.error());
  return follow_at({(*embedded)->endpoint(), "", ""}, spec, options, write, (*embedded)->signals(),
                   [&] { return (*embedded)->fatal(); });
}

int run_remote(const model::TaskSpec& spec, const RunOptions& options) {
  WriteArtifacts write;
  std::optional<OutDirectory> directory;
  if (!options.out.empty()) {
    auto opened = OutDirectory::open(options.out);
    if (!opened) return fail(opened.error());
    directory.emplace(std::move(*opened));
    write = [&directory](const model::TaskResult& result) {
      return directory->write_all(result.artifacts);
    };
  }
  signal(SIGPIPE, SIG_IGN);
  Signals signals([](int number) { _exit(kExitSignalBase + number); });
  return follow_at(options.broker, spec, options, write, signals,
                   [] { return std::optional<Error>(); });
}

}  // namespace

int execute(const RunOptions& options) {
  const config::Languages languages = config::default_languages();
  const bool embedded = options.broker.endpoint.empty();
  auto spec = read_task(options.program, options.task, languages, embedded);
  if (!spec) return fail(spec.error());
  Random random = seeded_random();
  spec->id = make_id<TaskId>(real_now().wall, random);
  spec->wait = true;
  spec->cache = false;
  block_stop_signals();
  if (!embedded) return run_remote(*spec, options);
  return run_embedded(*spec, options, *languages.find(spec->program.language));
}

}  // namespace kiln::cli
