#include "sandbox/site_packages.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/fd.h"
#include "sandbox/files.h"
#include "sandbox/site/texts.h"

namespace kiln::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOwn = "/var/kiln";  // in the root; a layer of each directory below
constexpr unsigned long kFlags = MS_RDONLY | MS_NOSUID | MS_NODEV;

int put_library(const std::string& path, int library) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  struct stat status {};
  if (!file || ::fstat(library, &status) != 0) return errno;
  off_t at = 0;
  while (at < status.st_size) {
    const auto left = static_cast<size_t>(status.st_size - at);
    if (::sendfile(file.get(), library, &at, left) <= 0) return EIO;
  }
  return 0;
}

// The two in one. The kernel may have no overlayfs, or not let a container mount it.
bool overlay(const std::string& own, const std::string& host) {
  const std::string options = "lowerdir=" + own + ":" + host;
  return ::mount("kiln", host.c_str(), "overlay", kFlags, options.c_str()) == 0;
}

bool cover_empty(const std::string& own, const std::string& host) {
  std::error_code error;
  if (!fs::is_empty(host, error) || error) return false;
  if (::mount(own.c_str(), host.c_str(), nullptr, MS_BIND, nullptr) != 0) return false;
  return ::mount(nullptr, host.c_str(), nullptr, MS_REMOUNT | MS_BIND | kFlags, nullptr) == 0;
}

}  // namespace

int add_site_packages(const std::string& root, int library) {
  const std::string own = root + kOwn;
  if (::mkdir(own.c_str(), 0755) != 0) return errno;
  // Programs map the library, and the root's own mount forbids that (MS_NOEXEC).
  if (::mount("kiln", own.c_str(), "tmpfs", MS_NOSUID | MS_NODEV,
              "size=1m,nr_inodes=8,mode=0755") != 0) {
    return errno;
  }
  if (const int error = create_file(own + "/kiln.py", site_module_text())) return error;
  if (const int error = create_file(own + "/kiln.pth", site_start_text())) return error;
  if (const int error = put_library(own + "/_kiln.abi3.so", library)) return error;
  if (::mount(nullptr, own.c_str(), nullptr, MS_REMOUNT | kFlags, nullptr) != 0) return errno;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root + "/usr/local/lib", ignored)) {
    const fs::path host = entry.path() / "dist-packages";
    if (!entry.path().filename().string().starts_with("python3.")) continue;
    if (!fs::is_directory(host, ignored)) continue;
    if (!cover_empty(own, host.string())) overlay(own, host.string());
  }
  return 0;
}

}  // namespace kiln::sandbox
