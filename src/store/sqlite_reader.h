// A Reader over a read-only connection of its own.
#pragma once

#include <memory>
#include <string>

#include "store/store.h"

namespace kiln::store {

// `path` is a database file whose schema is the newest. Errors: io_error, corrupt, busy.
Result<std::unique_ptr<Reader>> make_sqlite_reader(const std::string& path);

// The statement of a list with these conditions: ?1 tenant, ?2 queue, ?3 state, ?4 before_seq, ?5
// limit.
std::string list_sql(bool tenant, bool queue, bool state, bool before);

}  // namespace kiln::store
