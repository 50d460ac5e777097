// What the cells of a launcher share, and what it does once before the first of them.
#pragma once

#include <linux/filter.h>

#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "sandbox/cell_child.h"
#include "sandbox/cgroup.h"
#include "sandbox/network_pool.h"
#include "sandbox/uid_range.h"
#include "sandbox/warm_parent.h"
#include "sandbox/wire.h"

namespace kiln::sandbox {

inline constexpr const char* kStateDirectory = "/run/kiln";

struct CellHost {
  UniqueFd proc;  // of the launcher's pid namespace; mounted nowhere that a cell could see
  // Each program's own, by profile; the launcher's is inherited.
  std::array<ProgramFilter, model::kSyscallProfiles.size()> filters;
  uint64_t filter_count = 0;  // that a program has then
  NamespaceIds namespaces{};
  std::unique_ptr<CgroupTree> cgroups;
  std::optional<UidRange> uids;
  NetworkPool networks;
  WarmImages warm;
  uint64_t next_cgroup = 0;
  wire::RunView order_view;  // room for a cell's own copy of its request
};

// Afterwards the root directory of this process is the cells' template, and nothing of the host
// outside it is mounted here: a cell's mounts begin as a copy of these.
// `site_library`: _kiln, or none.
StepFailure prepare_host(uint32_t first_uid, uint32_t uid_count, const UniqueFd& site_library,
                         CellHost& out);

}  // namespace kiln::sandbox
