"""Prints what a program in a cell can find out about where it is, one NAME=VALUE a line."""
import fcntl
import os
import resource
import socket
import struct


def tell(name, value):
    print(f"{name}={value}", flush=True)


def attempt(name, action):
    try:
        tell(name, action())
    except OSError as error:
        tell(name, error.strerror)


def write_to(path):
    with open(path, "w") as file:
        file.write("x\n")
    return "written"


# First of all, before this program opens anything by itself.
descriptors = []
for fd in range(1024):
    try:
        os.fstat(fd)
        descriptors.append(str(fd))
    except OSError:
        pass
tell("descriptors", " ".join(descriptors))

for name in ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup"):
    tell("ns." + name, os.stat("/proc/self/ns/" + name).st_ino)

with open("/proc/self/status") as status:
    for line in status:
        key, _, value = line.partition(":")
        if key.startswith("Cap") or key in ("Seccomp", "Seccomp_filters", "NoNewPrivs", "Groups"):
            tell(key, value.strip())

tell("uids", " ".join(map(str, os.getresuid())))
tell("gids", " ".join(map(str, os.getresgid())))
tell("host_name", os.uname().nodename)
tell("environment", " ".join(sorted(f"{k}={v}" for k, v in os.environ.items())))
tell("directory", os.getcwd())
tell("pid", os.getpid())
tell("session_is_own", os.getsid(0) == os.getpid())
tell("processes", " ".join(sorted(n for n in os.listdir("/proc") if n.isdigit())))
tell("proc", " ".join(sorted(n for n in os.listdir("/proc") if not n.isdigit())))
tell("dev", " ".join(sorted(os.listdir("/dev"))))
tell("root", " ".join(sorted(os.listdir("/"))))
tell("etc", " ".join(sorted(os.listdir("/etc"))))
attempt("host_configuration", lambda: " ".join(os.listdir("/usr/local/etc")))
tell("box", " ".join(sorted(os.listdir("/box"))))
tell("tmp", " ".join(sorted(os.listdir("/tmp"))))
tell("shm", " ".join(sorted(os.listdir("/dev/shm"))))
tell("var_tmp", os.path.realpath("/var/tmp"))
with open("/proc/self/cgroup") as cgroups:
    tell("cgroups", " ".join(sorted({line.strip().rsplit(":", 1)[1] for line in cgroups})))
with open("/proc/self/net/dev") as devices:
    tell("interfaces", " ".join(line.split(":")[0].strip() for line in devices if ":" in line))

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    request = struct.pack("16sh14x", b"lo", 0)
    SIOCGIFFLAGS, IFF_UP = 0x8913, 1
    flags = struct.unpack("16sh14x", fcntl.ioctl(probe, SIOCGIFFLAGS, request))[1]
    tell("lo_is_up", bool(flags & IFF_UP))

with open("/proc/self/mountinfo") as mounts:
    for line in mounts:
        words = line.split()
        tell("mount " + words[4], words[5])

for name in ("CORE", "FSIZE", "NOFILE", "MSGQUEUE", "RTPRIO"):
    tell("limit." + name, resource.getrlimit(getattr(resource, "RLIMIT_" + name))[1])
tell("umask", oct(os.umask(0o22)))

for path in ("/x", "/usr/x", "/etc/passwd", "/dev/x", "/proc/self/oom_score_adj", "/box/x", "/tmp/x",
             "/dev/shm/x", "/dev/stdout"):
    attempt("write " + path, lambda: write_to(path))
for path in ("/proc/1/exe", "/proc/1/root", "/proc/self/exe", "/sys", "/proc/sys", "/proc/kcore",
             "/root", "/home", "/run", "/etc/shadow", "/dev/tty", "/dev/kmsg", "/dev/mem"):
    attempt("stat " + path, lambda: os.stat(path) and "there")
attempt("signal the init", lambda: os.kill(1, 9) or "sent")
attempt("signal the parent", lambda: os.kill(os.getppid(), 9) or "sent")
attempt("become root", lambda: os.setuid(0) or "root")
