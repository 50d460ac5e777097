// A broker and a worker inside this process, for `kiln run`: ipc sockets and a store in a private
// temporary directory, nothing that outlives it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "actors/broker_node.h"
#include "actors/worker_node.h"
#include "base/error.h"
#include "cli/directories.h"
#include "cli/signals.h"
#include "config/languages.h"
#include "sandbox/monitor.h"

namespace kiln::cli {

class Embedded {
 public:
  // Takes privileges away from the whole process, for good, between forking the monitor and
  // anything else. Call while single-threaded, with the stop signals blocked. `language` is the
  // only one looked for; for noop there is neither monitor nor launcher. Errors: sandbox, io_error;
  // unavailable (the interpreter is missing).
  static Result<std::unique_ptr<Embedded>> start(const config::Language& language,
                                                 uint32_t slots = 1);
  // Ends what runs, then everything else; the directory goes last.
  ~Embedded();

  std::string endpoint() const { return broker_->clients_endpoint(); }
  Signals& signals() { return *signals_; }
  std::optional<Error> fatal() const;

 private:
  Embedded() = default;
  Status start_nodes(UniqueFd monitor_control, const config::Language& language, uint32_t slots);
  Status check_language(const config::Language& language) const;
  void note_fatal(Error error);

  std::optional<TemporaryDirectory> directory_;
  std::unique_ptr<Signals> signals_;
  int monitor_pid_ = -1;
  mutable std::mutex mutex_;
  std::optional<Error> fatal_;
  std::unique_ptr<actors::BrokerNode> broker_;
  std::unique_ptr<actors::WorkerNode> worker_;
};

}  // namespace kiln::cli
