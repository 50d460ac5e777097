#include "tests/fuzz/targets.h"

KILN_FUZZ_TARGET("to_worker")
