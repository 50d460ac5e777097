// A Reader over a read-only connection of its own.
#pragma once

#include <memory>
#include <string>

#include "store/store.h"

namespace kiln::store {

// `path` is a database file whose schema is the newest. Errors: io_error, corrupt, busy.
Result<std::unique_ptr<Reader>> make_sqlite_reader(const std::string& path);

// The statement of a list with the conditions that the filter sets: ?1 tenant, ?2 queue, ?3 state,
// ?4 before_seq, ?5 limit, ?6 verdict.
std::string list_sql(const ListFilter& filter);

}  // namespace kiln::store
