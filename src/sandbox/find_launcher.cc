#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "sandbox/monitor.h"

namespace kiln::sandbox {
namespace {

constexpr const char* kName = "kiln-launcher";

}  // namespace

Result<std::string> find_launcher() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return errno_error(ErrorCode::sandbox, "read /proc/self/exe", error.value());
  const std::filesystem::path here = self.parent_path();
  const std::array candidates = {here / kName, here.parent_path() / "libexec" / "kiln" / kName};
  for (const auto& path : candidates) {
    if (::access(path.c_str(), X_OK) == 0) return path.string();
  }
  return Error{ErrorCode::sandbox, "there is no kiln-launcher", "",
               "looked for " + candidates[0].string() + " and " + candidates[1].string(),
               "Build or install it together with kiln"};
}

}  // namespace kiln::sandbox
