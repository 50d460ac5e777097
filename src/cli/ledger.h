// A client's ledger: what it was told of its tasks, one JSON object a line (docs/verify.md).
#pragma once

#include <string>

#include "base/error.h"
#include "model/audit.h"

namespace kiln::cli {

// Errors: io_error (cannot read), invalid_argument (a line that is none of a ledger; names it).
Result<model::Ledger> read_ledger(const std::string& path);

}  // namespace kiln::cli
