// Reach: of the host, and of whatever else runs on it, nothing can be seen, opened, signalled or
// talked to. Each row prints one line for each thing it tried.
#include "tests/security/battery.h"

namespace kiln::sandbox {
namespace {

const std::vector<Attack> kReach = {
    {.name = "TheHostsFiles",
     .code = R"(
import os
for path in ('/proc/1/root', '/proc/1/cwd', '/proc/1/exe', '/proc/1/environ', '/proc/1/mem', '/proc/1/fd/0',
             '/proc/1/ns/mnt', '/proc/kcore', '/proc/sys/kernel/hostname', '/proc/sysrq-trigger', '/proc/keys',
             '/sys', '/sys/fs/cgroup', '/etc/shadow', '/root', '/home', '/run', '/boot', '/var/lib', '/dev/mem',
             '/dev/kmsg', '/dev/tty', '/dev/ptmx', '/dev/fuse', '/dev/net/tun', '/dev/vsock'):
    for flags in os.O_RDONLY, os.O_WRONLY:
        try:
            os.open(path, flags)
            print('opened', path)
        except OSError: pass
for up in range(1, 40):
    if os.path.exists('../' * up + 'etc/shadow'): print('up', up)
)",
     .output = ""},
    {.name = "SetuidPrograms",
     .code = R"(
import os, subprocess
for root, _, names in os.walk('/usr/bin'):
    for name in names:
        mode = os.lstat(os.path.join(root, name)).st_mode
        if not mode & 0o6000: continue
        subprocess.run([os.path.join(root, name), '--help'], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=5)
for program in 'su', 'mount', 'passwd', 'newuidmap':
    path = '/usr/bin/' + program
    if not os.path.exists(path): continue
    if subprocess.run([path, '/x'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode == 0: print('ran', program)
print(os.getresuid(), os.getresgid())
)",
     .output = "(1000, 1000, 1000) (1000, 1000, 1000)\n"},
    {.name = "OtherProcesses",
     .code = R"(
import os, signal
print(sorted(n for n in os.listdir('/proc') if n.isdigit()) == [str(os.getpid())])
for pid in 1, os.getppid():
    for n in 0, signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP:
        try: os.kill(pid, n); print('sent', pid, n)
        except (PermissionError, ProcessLookupError): pass
try: os.kill(-1, 0); print('somebody')
except (PermissionError, ProcessLookupError): print('nobody')
try: os.setpriority(os.PRIO_USER, 0, 19)
except PermissionError: pass
)",
     .output = "True\nnobody\n"},
    {.name = "KillsAllThatItMay",
     .code = R"(
import os, signal
try: os.kill(0, signal.SIGKILL)
except OSError as e: print(e)
)",
     .verdict = model::Verdict::signaled},
    {.name = "Debugging",
     .code = R"(
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def call(name, number, *args):
    got = libc.syscall(number, *[ctypes.c_long(a) for a in args])
    print(name, errno.errorcode[ctypes.get_errno()] if got == -1 else 'allowed')
call('ptrace', 101, 16, 1, 0, 0)
call('process_vm_readv', 310, 1, 0, 0, 0, 0, 0)
call('pidfd_getfd', 438, 3, 0, 0)
call('kcmp', 312, 1, 1, 0, 0, 0)
call('perf_event_open', 298, 0, 0, -1, -1, 0)
call('bpf', 321, 0, 0, 0)
)",
     .output = "ptrace EPERM\nprocess_vm_readv EPERM\npidfd_getfd EPERM\nkcmp EPERM\n"
               "perf_event_open EPERM\nbpf EPERM\n"},
    {.name = "OtherNamespaces",
     .code = R"(
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def call(name, number, *args):
    got = libc.syscall(number, *[ctypes.c_long(a) for a in args])
    print(name, errno.errorcode[ctypes.get_errno()] if got == -1 else 'allowed')
for flag in 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000:
    call('unshare', 272, flag)
    call('clone', 56, flag | 17, 0, 0, 0, 0)
call('clone3', 435, 0, 0)
call('setns', 308, os.open('/proc/self/ns/net', 0), 0)
call('mount', 165, 0, 0, 0, 0, 0)
call('open_tree', 428, -100, 0, 0)
call('fsopen', 430, 0, 0)
call('pivot_root', 155, 0, 0)
call('chroot', 161, 0)
call('open_by_handle_at', 304, -1, 0, 0)
call('io_uring_setup', 425, 1, 0)
call('keyctl', 250, 0, -3, 0)
call('userfaultfd', 323, 0)
)",
     .output =
         "unshare EPERM\nclone EPERM\nunshare EPERM\nclone EPERM\nunshare EPERM\nclone EPERM\n"
         "unshare EPERM\nclone EPERM\nunshare EPERM\nclone EPERM\nunshare EPERM\nclone EPERM\n"
         "unshare EPERM\nclone EPERM\nclone3 ENOSYS\nsetns EPERM\nmount EPERM\n"
         "open_tree EPERM\nfsopen EPERM\npivot_root EPERM\nchroot EPERM\n"
         "open_by_handle_at EPERM\nio_uring_setup ENOSYS\nkeyctl ENOSYS\n"
         "userfaultfd ENOSYS\n"},
    {.name = "Sockets",
     .code = R"(
import errno, socket
for family in range(46):
    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET:
        try:
            socket.socket(family, kind).close()
            if family not in (1, 2, 10) or kind == socket.SOCK_RAW and family != 1: print('made', family, kind)
        except OSError: pass
for address in (('127.0.0.1', 22), ('127.0.0.53', 53), ('169.254.169.254', 80), ('10.0.0.1', 80), ('8.8.8.8', 53)):
    try: socket.create_connection(address, timeout=1); print('reached', address)
    except OSError as e: print(errno.errorcode[e.errno])
try: socket.getaddrinfo('example.com', 80); print('looked up')
except socket.gaierror: print('no names')
)",
     .output = "ENETUNREACH\nENETUNREACH\nENETUNREACH\nENETUNREACH\nENETUNREACH\nno names\n"},
    {.name = "TheNeighboursThings",
     .code = R"(
import ctypes, os
for path in '/box/treasure', '/tmp/treasure', '/dev/shm/treasure':
    if os.path.exists(path): print('found', path)
if ctypes.CDLL(None).shmget(0x7EA5, 0, 0) != -1: print('found its memory')
)",
     .output = ""},
    {.name = "Terminals",
     .code = R"(
import fcntl, os, termios
for fd in 0, 1, 2:
    try: fcntl.ioctl(fd, termios.TIOCSTI, b'x'); print('typed')
    except OSError: pass
try: os.open('/dev/tty', os.O_RDWR); print('terminal')
except OSError: print('none')
)",
     .output = "none\n"},
    {.name = "EnvironmentAndDescriptors",
     .code = R"(
import os
print(sorted(os.environ))
print([fd for fd in range(1024) if os.path.exists(f'/proc/self/fd/{fd}')])
)",
     .output = "['HOME', 'LANG', 'PATH']\n[0, 1, 2]\n"},
};
KILN_ATTACKS(Reach, kReach);

}  // namespace
}  // namespace kiln::sandbox
