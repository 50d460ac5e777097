// --check-config: what holds and where it comes from, or what is wrong; nothing is started.
#pragma once

#include "cli/arguments.h"

namespace kiln::cli {

// Returns the exit code. Files that the options name are read: keys, allow list, token.
int check_config(const BrokerCommand& options);
int check_config(const WorkerCommand& options);
int check_config(const ServeOptions& options);

}  // namespace kiln::cli
