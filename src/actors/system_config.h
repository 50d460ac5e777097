// CAF's actor system as every node of ours runs it: few threads that share one queue of work,
// nothing read from the command line or a file.
#pragma once

#include <caf/all.hpp>

namespace kiln::actors {

struct SystemConfig : caf::actor_system_config {
  explicit SystemConfig(size_t threads) {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", threads);
  }
};

}  // namespace kiln::actors
