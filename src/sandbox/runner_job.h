// One cell as the worker sees it: the request on its way, the output pipes, and then the result.
#pragma once

#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "sandbox/cell_runner.h"
#include "sandbox/output_stream.h"
#include "sandbox/wire.h"

namespace kiln::sandbox {

struct RunnerJob {
  wire::Run run;
  UniqueFd fds[wire::kRunFdCount];  // the launcher's; closed once they are sent
  OutputStream out, err;
  int64_t requested_us = 0;  // CLOCK_MONOTONIC
  bool sent = false;
  uint32_t kill_causes = 0;  // asked for
  uint32_t kills_told = 0;   // already told to the launcher
  std::string refusal;       // not "": the request cannot be sent, and why
};

// Encodes the request and makes its pipes and files. What fails stands in `refusal`.
RunnerJob make_job(CellId id, const CellRequest& request, int64_t now_us);

}  // namespace kiln::sandbox
