#include "model/environment.h"

namespace kiln::model {

std::vector<EnvVar> base_environment() {
  return {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
          {"HOME", "/box"},
          {"LANG", "C.UTF-8"},
          {"TZ", "UTC"},
          {"PYTHONHASHSEED", "0"},
          {"OPENBLAS_NUM_THREADS", "1"},
          {"OMP_NUM_THREADS", "1"}};
}

}  // namespace kiln::model
