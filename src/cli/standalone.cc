// kiln broker and kiln worker: one service in this process.
#include "cli/access.h"
#include "cli/check_config.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/services.h"
#include "cli/signals.h"

namespace kiln::cli {

int execute(const BrokerCommand& typed) {
  if (typed.check.wanted) return check_config(typed);
  BrokerCommand options = typed;
  const auto setup = prepare_broker(options);
  if (!setup) return fail(setup.error());
  block_stop_signals();
  return run_broker(options, *setup, [](const std::string& line) {
    const BrokerPlaces places = read_places(line);
    return print_line("kiln broker: clients on " + places.clients + ", workers on " +
                      places.workers + ", HTTP on " + places.http);
  });
}

int execute(const WorkerCommand& typed) {
  if (typed.check.wanted) return check_config(typed);
  WorkerCommand options = typed;
  if (Status s = complete(options); !s) return fail(s.error());
  const auto keys = load_keys(options.broker);
  if (!keys) return fail(keys.error());
  const auto http = prepare_http(options.http, options.insecure);
  if (!http) return fail(http.error());
  const auto user = service_user();
  if (!user) return fail(user.error());
  block_stop_signals();
  return run_worker(options, {*user, *keys, *http}, [&](const std::string& description) {
    return print_line("kiln worker: " + description + ", broker " + options.broker.endpoint);
  });
}

}  // namespace kiln::cli
