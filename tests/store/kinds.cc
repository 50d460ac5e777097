#include "tests/store/kinds.h"

#include <gtest/gtest.h>

#include "store/faulty_store.h"

namespace kiln::store {
namespace {

std::unique_ptr<Store> open_memory(const TempDir& /*directory*/) { return make_memory_store(); }

// The wrapper that tests use to make a store fail changes nothing while no fault is planned.
std::unique_ptr<Store> open_wrapped(const TempDir& /*directory*/) {
  return make_faulty_store(make_memory_store(), std::make_shared<FaultPlan>());
}

std::unique_ptr<Store> open_sqlite(const TempDir& directory) {
  auto store = open_sqlite_store(directory.path());
  if (!store) ADD_FAILURE() << store.error().text();
  return store ? *std::move(store) : nullptr;
}

}  // namespace

std::vector<Kind> all_kinds() {
  return {{"memory", open_memory}, {"sqlite", open_sqlite}, {"wrapped", open_wrapped}};
}

}  // namespace kiln::store
