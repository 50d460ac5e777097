#include "sandbox/root_template.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <vector>

#include "sandbox/faults.h"
#include "sandbox/files.h"
#include "sandbox/site_packages.h"

namespace kiln::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTemplateOptions = "size=16m,nr_inodes=16k,mode=0755";

struct Device {
  const char* name;
  unsigned minor;
};
// All of them have major number 1 (Documentation/admin-guide/devices.txt).
constexpr std::array kDevices = {Device{"null", 3}, Device{"zero", 5}, Device{"full", 7},
                                 Device{"random", 8}, Device{"urandom", 9}};

struct Link {
  const char* path;
  const char* target;
};
constexpr std::array kLinks = {Link{"dev/fd", "/proc/self/fd"},
                               Link{"dev/stdin", "/proc/self/fd/0"},
                               Link{"dev/stdout", "/proc/self/fd/1"},
                               Link{"dev/stderr", "/proc/self/fd/2"},
                               Link{"var/tmp", "/tmp"},
                               Link{"etc/localtime", "/usr/share/zoneinfo/UTC"},
                               Link{"etc/mtab", "/proc/self/mounts"}};

struct TextFile {
  const char* path;
  const char* text;
};
constexpr std::array kFiles = {
    TextFile{"etc/passwd",
             "root:x:0:0:root:/:/usr/sbin/nologin\n"
             "box:x:1000:1000:box:/box:/bin/sh\n"
             "init:x:1001:1001:init:/:/usr/sbin/nologin\n"
             "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"},
    TextFile{"etc/group", "root:x:0:\nbox:x:1000:\ninit:x:1001:\nnogroup:x:65534:\n"},
    TextFile{"etc/hosts", "127.0.0.1 localhost kiln\n::1 localhost\n"},
    TextFile{"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"},
};

constexpr std::array kDirectories = {
    "usr",     "proc",         "box", "tmp", "dev", "dev/shm", "var", "etc", "etc/alternatives",
    "etc/ssl", "etc/ssl/certs"};
// Directories of the host's root that are links into /usr, or else are bound like it.
constexpr std::array kHostDirectories = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

// What the host's administrator has set, such as a registry's tokens; programs need none of it.
constexpr std::array kHostConfiguration = {"usr/etc", "usr/local/etc"};

int bind_read_only(const std::string& source, const std::string& target) {
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
    return errno;
  if (is_left_out(Step::read_only_root)) return 0;
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (::mount_setattr(AT_FDCWD, target.c_str(), AT_RECURSIVE, &attributes, sizeof attributes) !=
      0) {
    return errno;
  }
  return 0;
}

int add_host_directory(const std::string& root, const char* name) {
  const fs::path host = fs::path("/") / name;
  std::error_code error;
  if (fs::is_symlink(host, error)) {
    const std::string target = fs::read_symlink(host, error).string();
    return ::symlink(target.c_str(), (root + "/" + name).c_str()) == 0 ? 0 : errno;
  }
  if (!fs::is_directory(host, error)) return 0;
  if (::mkdir((root + "/" + name).c_str(), 0755) != 0) return errno;
  return bind_read_only(host.string(), root + "/" + name);
}

int add_devices(const std::string& root) {
  for (const Device& device : kDevices) {
    const std::string path = root + "/dev/" + device.name;
    if (::mknod(path.c_str(), S_IFCHR | 0666, ::makedev(1, device.minor)) != 0) return errno;
    if (::chmod(path.c_str(), 0666) != 0) return errno;
  }
  return 0;
}

// Links that end below /usr, and nothing else: what a host has put into these directories by itself
// (keys, certificates with its name) stays outside.
void copy_links_into_usr(const fs::path& from, const fs::path& to) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(from, error)) {
    std::error_code ignored;
    if (!entry.is_symlink(ignored)) continue;
    if (!fs::canonical(entry.path(), ignored).string().starts_with("/usr/")) continue;
    fs::copy_symlink(entry.path(), to / entry.path().filename(), ignored);
  }
}

// Public data that the dynamic loader and TLS libraries look for; a host may lack them.
void copy_host_etc(const std::string& root) {
  std::error_code ignored;
  for (const char* name : {"etc/ld.so.cache", "etc/ssl/certs/ca-certificates.crt"}) {
    fs::copy_file(fs::path("/") / name, fs::path(root) / name, ignored);
  }
  copy_links_into_usr("/etc/alternatives", root + "/etc/alternatives");
  copy_links_into_usr("/etc/ssl/certs", root + "/etc/ssl/certs");
}

int fill(const std::string& root) {
  for (const char* name : kDirectories) {
    if (::mkdir((root + "/" + name).c_str(), 0755) != 0) return errno;
  }
  for (const Link& link : kLinks) {
    if (::symlink(link.target, (root + "/" + link.path).c_str()) != 0) return errno;
  }
  for (const TextFile& file : kFiles) {
    if (const int error = create_file(root + "/" + file.path, file.text)) return error;
  }
  copy_host_etc(root);
  return add_devices(root);
}

// An empty directory over each, where the host has it.
int hide_configuration(const std::string& root) {
  if (is_left_out(Step::hidden_configuration)) return 0;
  for (const char* name : kHostConfiguration) {
    std::error_code ignored;
    const std::string path = fs::canonical(fs::path(root) / name, ignored).string();
    if (path.empty() || !path.starts_with(root + "/usr/")) continue;  // none, or a link elsewhere
    constexpr unsigned long kFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (::mount("kiln", path.c_str(), "tmpfs", kFlags, "size=4k,nr_inodes=1,mode=0755") != 0) {
      return errno;
    }
  }
  return 0;
}

int bind_host(const std::string& root) {
  if (const int error = bind_read_only("/usr", root + "/usr")) return error;
  if (const int error = hide_configuration(root)) return error;
  for (const char* name : kHostDirectories) {
    if (const int error = add_host_directory(root, name)) return error;
  }
  return 0;
}

int mount_template(const std::string& root) {
  return ::mount("kiln", root.c_str(), "tmpfs", MS_NOSUID | MS_NOEXEC, kTemplateOptions) == 0
             ? 0
             : errno;
}

int make_read_only(const std::string& root) {
  if (is_left_out(Step::read_only_root)) return 0;
  // First the superblock (MS_REMOUNT without MS_BIND), then the mount.
  const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NOEXEC;
  if (::mount(nullptr, root.c_str(), nullptr, MS_REMOUNT | flags, nullptr) != 0) return errno;
  return ::mount(nullptr, root.c_str(), nullptr, MS_REMOUNT | MS_BIND | flags, nullptr) == 0
             ? 0
             : errno;
}

}  // namespace

StepFailure build_root_template(const std::string& directory, const UniqueFd& site_library) {
  const mode_t mask = ::umask(0);
  const auto add_site = [&site_library](const std::string& root) {
    return site_library ? add_site_packages(root, site_library.get()) : 0;
  };
  const std::array<std::function<int(const std::string&)>, 5> work = {
      mount_template, fill, bind_host, add_site, make_read_only};
  StepFailure failure;
  for (size_t i = 0; i < work.size() && !failure.failed(); ++i) {
    if (const int error = work[i](directory)) {
      failure = {Step::root_template, error, static_cast<int32_t>(i)};
    }
  }
  ::umask(mask);
  return failure;
}

}  // namespace kiln::sandbox
