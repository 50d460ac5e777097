// The schema's migrations: one file for each change in src/store/migrations, named by its number
// (0001_tasks.sql is number 1), put into the program at build time in that order.
#pragma once

#include <span>
#include <string_view>

namespace kiln::store {

struct Migration {
  std::string_view name;
  std::string_view sql;
};

// Entry i brings a file of schema version i (PRAGMA user_version) to version i + 1.
std::span<const Migration> migrations();

}  // namespace kiln::store
