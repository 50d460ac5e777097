// The bodies of a broker and of a worker process, as `kiln broker`, `kiln worker` and `kiln serve`
// run them: from an option struct to an exit code.
//
// SIGTERM, SIGINT and SIGHUP end them in order (a worker finishes what runs, for at most
// kDrainGrace); a second one ends them at once. Call while single-threaded, as root or not, with
// the stop signals blocked.
#pragma once

#include <functional>
#include <string>

#include "base/time.h"
#include "cli/arguments.h"
#include "cli/privileges.h"

namespace kiln::cli {

inline constexpr Duration kDrainGrace = std::chrono::seconds(30);

// Called once it works: the broker's two endpoints with real ports, parted by a space; the worker's
// name, slots and languages for a person. Errors end the service.
using ReadyHandler = std::function<Status(const std::string&)>;

int run_broker(const BrokerCommand& options, const User& user, const ReadyHandler& ready);
int run_worker(const WorkerCommand& options, const User& user, const ReadyHandler& ready);

// The user, and the data directory of `options` made ready for it.
Result<User> prepare_broker(BrokerCommand& options);
// Fills in what was left out: the host's name, a slot for each CPU. Errors: invalid_argument.
Status complete(WorkerCommand& options);

}  // namespace kiln::cli
