// What is left of a cell when all of it is dead and its control group has been seen empty: the
// group, mounts, a network and user ids. Its result may be told by then; this is removed after,
// when there is time.
#pragma once

#include <memory>
#include <optional>

#include "sandbox/cell_host.h"

namespace kiln::sandbox {

class CellRemains {
 public:
  std::unique_ptr<CellCgroup> cgroup;
  std::optional<CellUids> uids;
  std::optional<Network> network;
  // Holds the mount namespace, so that not the dying init takes it apart but whoever closes this.
  UniqueFd mounts;

  // One try. True: nothing is left. The kernel may want the group a moment longer (EBUSY).
  bool remove(CellHost& host);
};

}  // namespace kiln::sandbox
