// The bodies of a broker and of a worker process, as `kiln broker`, `kiln worker` and `kiln serve`
// run them: from an option struct to an exit code.
//
// SIGTERM, SIGINT and SIGHUP end them in order (a worker finishes what runs, for at most
// kDrainGrace); after a second one a worker kills what runs; a third one is obeyed at once. A
// worker that its broker drained ends too. A broker with keys reads its allow list again on
// SIGHUP instead. Call while single-threaded, as root or not, with the stop signals blocked.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/time.h"
#include "cli/arguments.h"
#include "cli/pages.h"
#include "cli/privileges.h"
#include "core/result_cache.h"
#include "net/keys.h"

namespace kiln::cli {

inline constexpr Duration kDrainGrace = std::chrono::seconds(30);

// Called once it works: the broker's two endpoints with real ports and where its pages are ("off":
// nowhere), parted by spaces; the worker's name, slots, languages and pages for a person. Errors
// end the service.
using ReadyHandler = std::function<Status(const std::string&)>;

// What a service takes with it when it gives up being root. Secret keys are read before that; the
// allow list after it, since a broker must be able to read it again at any time.
struct BrokerSetup {
  User user;
  std::optional<net::KeyPair> keys;
  core::CacheOptions cache;
  uint64_t blob_space = 0;             // bytes
  std::optional<net::Key> own_worker;  // let in whatever the allow list says
  HttpSetup http;
};
struct WorkerSetup {
  User user;
  std::optional<net::ClientKeys> keys;
  HttpSetup http = {};
};

// The broker's ready line, taken apart.
struct BrokerPlaces {
  std::string clients;
  std::string workers;
  std::string http;
};
BrokerPlaces read_places(const std::string& line);

int run_broker(const BrokerCommand& options, const BrokerSetup& setup, const ReadyHandler& ready);
int run_worker(const WorkerCommand& options, const WorkerSetup& setup, const ReadyHandler& ready);

// Checks the endpoints, reads the key, makes the data directory ready; with keys SIGHUP is wanted.
// Call before the stop signals are blocked.
Result<BrokerSetup> prepare_broker(BrokerCommand& options);
// What prepare_broker and the start after it would refuse, without making anything.
Status check_broker(BrokerCommand options);
Status check_worker(WorkerCommand options);
// Fills in what was left out: the host's name, a slot for each CPU. Errors: invalid_argument.
Status complete(WorkerCommand& options);

}  // namespace kiln::cli
