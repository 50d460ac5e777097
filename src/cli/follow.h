// Runs one task on a broker and shows it as if it ran here: submits it, prints its output as it
// comes, passes Ctrl-C on to it, tells how it ended.
//
// Ctrl-C (SIGTERM, SIGHUP) cancels the task and waits for its end; standard output that nobody
// reads any more does the same. A broker that is lost on the way is looked for again for
// kBrokerPatience: the task's id is ours, so nothing is run twice by asking again.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/blobs.h"
#include "cli/signals.h"
#include "cli/task_input.h"
#include "model/result.h"
#include "model/task.h"
#include "net/client.h"

namespace kiln::cli {

inline constexpr Duration kIdleCheck = std::chrono::seconds(5);
inline constexpr Duration kBrokerPatience = std::chrono::seconds(60);
inline constexpr Duration kCancelPatience = std::chrono::seconds(10);

struct FollowOptions {
  bool json = false;   // the result as JSON, no live output
  bool quiet = false;  // no receipt
  std::string broker;  // for messages
  // Where its artifacts go; none: nowhere.
  PutPiece put_artifact;
  std::function<Status()> finish_artifacts;  // after the last one; may be absent
};

// The error that ended what the task runs on (an embedded broker or worker), if one did; signals'
// wake_fd was raised then.
using FatalCheck = std::function<std::optional<Error>()>;

// Returns the exit code. Precondition: SIGPIPE is ignored; the spec's id is set.
int follow_task(net::Client& client, const TaskInput& task, const FollowOptions& options,
                Signals& signals, const FatalCheck& fatal);

}  // namespace kiln::cli
