// kiln run: one program, here or on a broker, as if it were a local command.
#include <signal.h>
#include <unistd.h>

#include "base/random.h"
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/embedded.h"
#include "cli/exit_codes.h"
#include "cli/follow.h"
#include "cli/task_input.h"
#include "net/client.h"

namespace kiln::cli {
namespace {

int follow_at(const BrokerAccess& broker, const model::TaskSpec& spec, const RunOptions& options,
              Signals& signals, const FatalCheck& fatal) {
  auto client = connect(broker);
  if (!client) return fail(client.error());
  return follow_task(**client, spec, {options.json, options.quiet, broker.endpoint}, signals,
                     fatal);
}

int run_embedded(const model::TaskSpec& spec, const RunOptions& options,
                 const config::Language& language) {
  auto embedded = Embedded::start(language);
  if (!embedded) return fail(embedded.error());
  return follow_at({(*embedded)->endpoint(), "", ""}, spec, options, (*embedded)->signals(),
                   [&] { return (*embedded)->fatal(); });
}

int run_remote(const model::TaskSpec& spec, const RunOptions& options) {
  signal(SIGPIPE, SIG_IGN);
  Signals signals([](int number) { _exit(kExitSignalBase + number); });
  return follow_at(options.broker, spec, options, signals, [] { return std::optional<Error>(); });
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
