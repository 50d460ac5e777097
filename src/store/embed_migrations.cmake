# Writes OUTPUT, a C++ source with the text of each of FILES (full names, joined by "|").
# Run by: cmake -DOUTPUT=... -DFILES=... -P embed_migrations.cmake
string(REPLACE "|" ";" FILES "${FILES}")
set(number 0)
set(entries "")
foreach(path IN LISTS FILES)
  math(EXPR number "${number} + 1")
  get_filename_component(name "${path}" NAME)
  string(LENGTH "000${number}" length)
  math(EXPR start "${length} - 4")
  string(SUBSTRING "000${number}" ${start} 4 expected)
  if(NOT name MATCHES "^${expected}_[a-z0-9_]+\\.sql$")
    message(FATAL_ERROR "migration ${name}: its name must begin with ${expected}_")
  endif()
  file(READ "${path}" sql)
  string(APPEND entries "    Migration{\"${name}\", R\"sql(${sql})sql\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "// Made from src/store/migrations by embed_migrations.cmake.
#include \"store/migrations.h\"

#include <array>

namespace kiln::store {
namespace {

constexpr std::array kMigrations = {
${entries}};

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

}  // namespace kiln::store
")
