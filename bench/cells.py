"""What a cell costs for a program that does nothing, beside a plain process, bubblewrap and crun.

Everything is timed by kiln-bench-cells (cells.cc), one at a time, in turn: dense (one after the other)
and sparse (one each 100 ms, so that caches and the clock of the processor have cooled down)."""

import contextlib
import json
import os
import subprocess

from measure import KILN, place, row, version_of

BIN = os.path.dirname(KILN)
TIMER, LAUNCHER, TRUE = (os.path.join(BIN, name)
                         for name in ("kiln-bench-cells", "kiln-launcher", "kiln-bench-true"))
DENSE = 40  # starts of one side in a round
SPARSE, EVERY_US = 10, 100_000
USER, USERS = 300_000, 2  # the container's root outside, and how many ids it has
MB = 1 << 20
NAMESPACES = ("pid", "mount", "network", "ipc", "uts", "user", "cgroup")
# With both versions of control groups mounted crun does not start; it is shown the first alone.
ONE_VERSION = ["unshare", "--mount", "sh", "-c", 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', "sh"]
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}


class Timer:
    """Medians of one side's starts; it refuses unless each started and had status 0."""

    def __init__(self, stack):
        self.process = stack.enter_context(subprocess.Popen(
            [*ONE_VERSION, TIMER, LAUNCHER, TRUE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        stack.callback(self.process.stdin.close)

    def p50_us(self, what, count, every_us):
        print(what[0], count, every_us, *what[1:], file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        if not answer:
            raise RuntimeError("kiln-bench-cells failed; what it said is above")
        took, ran = map(int, answer)
        if ran != count:
            raise RuntimeError(f"{what}: {ran} of {count} ran to status 0")
        return took


def bubblewrap():
    links = [word for name, target in LINKS.items() for word in ("--symlink", target, "/" + name)]
    return ["/usr/bin/bwrap", "--unshare-all", "--die-with-parent", "--new-session",
            "--ro-bind", "/usr", "/usr", *links, "--ro-bind", TRUE, "/true",
            "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/box", "/true"]


def tmpfs(path, size):
    return {"destination": path, "type": "tmpfs", "source": "tmpfs",
            "options": ["nosuid", "nodev", f"size={size}"]}


def bind(source, path):
    return {"destination": path, "type": "bind", "source": source,
            "options": ["bind", "ro", "nosuid", "nodev"]}


def bundle(directory):
    """An OCI bundle with what a cell has: namespaces, limits, mounts, no capability."""
    ids = [{"containerID": 0, "hostID": USER, "size": USERS}]
    config = {
        "ociVersion": "1.0.0",
        "process": {"user": {"uid": 0, "gid": 0}, "args": ["/true"], "cwd": "/", "env": ["HOME=/box"],
                    "noNewPrivileges": True, "capabilities": {}},
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "kiln",
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   tmpfs("/dev", MB), bind("/usr", "/usr"), bind(TRUE, "/true"),
                   tmpfs("/box", 256 * MB), tmpfs("/tmp", 64 * MB), tmpfs("/dev/shm", 64 * MB)],
        "linux": {
            "namespaces": [{"type": name} for name in NAMESPACES],
            "uidMappings": ids, "gidMappings": ids,
            "cgroupsPath": f"/kiln-bench-{os.getpid()}",
            "resources": {"memory": {"limit": 1024 * MB}, "pids": {"limit": 11},
                          "cpu": {"quota": 100_000, "period": 100_000}},
        },
    }
    root = os.path.join(directory, "rootfs")
    for name in ("usr", "proc", "dev", "box", "tmp"):
        os.makedirs(os.path.join(root, name))
    for name, target in LINKS.items():
        os.symlink(target, os.path.join(root, name))
    with open(os.path.join(root, "true"), "wb"), open(
            os.path.join(directory, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    return directory


def crun(directory):
    return ["/usr/bin/crun", "--root", os.path.join(directory, "state"), "--cgroup-manager=cgroupfs",
            "run", "--bundle", bundle(os.path.join(directory, "bundle")), f"kiln-bench-{os.getpid()}"]


def in_turn(timer, sides, rounds, count, every_us):
    """Each side's medians, one for each round; each round runs all sides."""
    took = {name: [] for name in sides}
    for _ in range(rounds):
        for name, what in sides.items():
            took[name].append(timer.p50_us(what, count, every_us) / 1000)
    return took


def notes(sides):
    ours = "ours: a static program in a cell of its own, two of which are kept ready, from the request at the launcher's socket to its result"
    return {
        "bare_exec": f"peer: fork, execv and wait of the same program; {ours}",
        "bubblewrap": f"peer: bubblewrap {version_of('bwrap', '--version')}, "
                      f"{' '.join(sides['bubblewrap'][2:]).replace(TRUE, 'TRUE')}; no limits; {ours}",
        "crun": f"peer: crun {version_of('crun', '--version')} run, namespaces {' '.join(NAMESPACES)}, /usr bound "
                f"read-only, limits of memory, processes and CPU, no syscall filter; {ours}",
    }


def rows(rounds):
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(place())
        timer = Timer(stack)
        sides = {"cell": ["cell"], "bare_exec": ["exec", TRUE], "bubblewrap": ["exec", *bubblewrap()],
                 "crun": ["exec", *crun(directory)]}
        timings = {"": (DENSE, 0, "one after the other"),
                   "_sparse": (SPARSE, EVERY_US, f"one each {EVERY_US // 1000} ms")}
        for suffix, (count, every_us, when) in timings.items():
            took = in_turn(timer, sides, rounds, count, every_us)
            for peer, note in notes(sides).items():
                yield row(f"cell_vs_{peer}{suffix}", "ms", took["cell"], took[peer],
                          f"{note}; medians of {count}, {when}")
