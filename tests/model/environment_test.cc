#include "model/environment.h"

#include <gmock/gmock.h>

namespace kiln::model {
namespace {

using testing::ElementsAre;

TEST(Environment, BaseEnvironmentIsExactlyThis) {
  EXPECT_THAT(
      base_environment(),
      ElementsAre(EnvVar{"PATH", "/usr/local/bin:/usr/bin:/bin"}, EnvVar{"HOME", "/box"},
                  EnvVar{"LANG", "C.UTF-8"}, EnvVar{"TZ", "UTC"}, EnvVar{"PYTHONHASHSEED", "0"},
                  EnvVar{"OPENBLAS_NUM_THREADS", "1"}, EnvVar{"OMP_NUM_THREADS", "1"}));
}

}  // namespace
}  // namespace kiln::model
