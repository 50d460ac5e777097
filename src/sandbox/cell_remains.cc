#include "sandbox/cell_remains.h"

namespace kiln::sandbox {

bool CellRemains::remove(CellHost& host) {
  mounts.reset();  // the tmpfs go, and with them what the group is charged for
  if (cgroup && cgroup->remove() != 0) return false;
  cgroup.reset();
  if (uids) host.uids->give_back(*uids);
  uids.reset();
  if (network) host.networks.give_back(std::move(*network));
  network.reset();
  return true;
}

}  // namespace kiln::sandbox
