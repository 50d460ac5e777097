// The canary: run in a whole cell's program process, after the read-back and in place of a program.
// It asks the kernel for each thing that a cell promises. `index` names the check that failed.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sandbox/cell_program.h"

namespace kiln::sandbox {
namespace {

// Each check returns 0 or the errno to report.
int namespaces_are_new(const CellPlan& plan) {
  const NamespaceIds here = own_namespaces();
  for (size_t i = 0; i < here.size(); ++i) {
    if (here[i] == 0 || here[i] == plan.launcher_namespaces[i]) return EEXIST;
  }
  return 0;
}

int ids_are_mapped(const CellPlan&) {
  return ::getuid() == kInnerProgramId && ::getgid() == kInnerProgramId ? 0 : EPERM;
}

int root_is_read_only(const CellPlan&) {
  for (const char* path : {"/", "/usr", "/etc", "/dev"}) {
    struct statvfs status {};
    if (::statvfs(path, &status) != 0) return errno;
    if ((status.f_flag & ST_RDONLY) == 0 || (status.f_flag & ST_NOSUID) == 0) return EROFS;
  }
  return 0;
}

int host_is_out_of_sight(const CellPlan&) {
  for (const char* path : {"/root", "/home", "/run", "/sys", "/proc/sys", "/proc/kcore",
                           "/etc/shadow", "/proc/1/exe"}) {
    if (::access(path, F_OK) == 0) return EEXIST;
  }
  return 0;
}

int box_is_writable(const CellPlan&) {
  const int fd = ::open("/box/.self-test", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  ::close(fd);
  return ::unlink("/box/.self-test") == 0 ? 0 : errno;
}

// Descriptors 0, 1, 2 and the report's, which exec closes.
int descriptors_are_few(const CellPlan& plan) {
  for (int fd = 0; fd < 1024; ++fd) {
    const bool open = ::fcntl(fd, F_GETFD) >= 0;
    if (open != (fd <= 2 || fd == plan.exec_report)) return EBADF;
  }
  return 0;
}

int host_name_is_ours(const CellPlan&) {
  utsname name{};
  return ::uname(&name) == 0 && std::strcmp(name.nodename, "kiln") == 0 ? 0 : EINVAL;
}

int network_is_unreachable(const CellPlan&) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int result = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::close(fd);
  return result != 0 && error == ENETUNREACH ? 0 : EISCONN;
}

int filter_answers(const CellPlan& plan) {
  for (const ProgramFilter::Probe& probe : plan.filter->probes) {
    const long result = ::syscall(probe.number, -1L, -1L, -1L, -1L, -1L, -1L);
    const bool refused = result == -1 && (errno == EPERM || errno == ENOSYS);
    const bool right = probe.error == 0 ? !refused : refused && errno == probe.error;
    if (!right) return ENOTSUP;
  }
  if (::syscall(SYS_unshare, 0x10000000) != -1 || errno != EPERM) return ENOTSUP;
  if (::syscall(SYS_clone3, nullptr, 0) != -1 || errno != ENOSYS) return ENOTSUP;
  if (::socket(AF_NETLINK, SOCK_RAW, 0) != -1 || errno != EAFNOSUPPORT) return ENOTSUP;
  return 0;
}

// isolation.cc knows them by their places.
constexpr std::array kChecks = {namespaces_are_new,   ids_are_mapped,         root_is_read_only,
                                host_is_out_of_sight, box_is_writable,        descriptors_are_few,
                                host_name_is_ours,    network_is_unreachable, filter_answers};

}  // namespace

int check_cell(const CellPlan& plan, int32_t& index) {
  for (size_t i = 0; i < kChecks.size(); ++i) {
    index = static_cast<int32_t>(i);
    if (const int error = kChecks[i](plan)) return error;
  }
  index = -1;
  return 0;
}

}  // namespace kiln::sandbox
