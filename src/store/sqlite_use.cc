#include "store/sqlite_use.h"

#include <SQLiteCpp/Statement.h>

namespace kiln::store {

UseStatement::~UseStatement() { statement_.tryReset(); }

}  // namespace kiln::store
