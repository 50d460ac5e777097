// The stores that every conformance test runs on.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "store/store.h"
#include "tests/store/rows.h"

namespace kiln::store {

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Store>(const TempDir&)> open;  // null: it failed, and said so
};
std::vector<Kind> all_kinds();

}  // namespace kiln::store
