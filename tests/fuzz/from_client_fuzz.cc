#include "tests/fuzz/targets.h"

KILN_FUZZ_TARGET("from_client")
