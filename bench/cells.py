"""What a cell costs for a program that does nothing, beside a plain process, bubblewrap and crun.

Everything is timed by kiln-bench-cells (cells.cc), one at a time, in turn: dense (one after the other)
and sparse (one each 100 ms, so that caches and the clock of the processor have cooled down)."""

import contextlib
import json
import os
import subprocess
import time

from measure import KILN, place, row, version_of

BIN = os.path.dirname(KILN)
TIMER, LAUNCHER, TRUE = (os.path.join(BIN, name)
                         for name in ("kiln-bench-cells", "kiln-launcher", "kiln-bench-true"))
DENSE = 40  # starts of one side in a round
SPARSE, EVERY_US = 10, 100_000
READY = 2  # cells that wait (kCellsAhead in cells.cc)
AT_ONCE = 200
SETTLE_S = 0.5  # until what is left of the last cells is gone
SLACK = 8
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

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        if not answer:
            raise RuntimeError("kiln-bench-cells failed; what it said is above")
        return list(map(int, answer))

    def p50_us(self, what, count, every_us):
        took, ran = self.ask(what[0], count, every_us, *what[1:])
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


def idle_ms():
    """Of all processors together, since the machine started (proc(5), /proc/stat)."""
    with open("/proc/stat", encoding="utf-8") as file:
        words = file.readline().split()
    return (int(words[4]) + int(words[5])) * 1000 / os.sysconf("SC_CLK_TCK")


def busy_ms(work):
    """What the whole machine spends while `work` runs and for a while after: kernel threads finish late."""
    begin, before = time.monotonic(), idle_ms()
    work()
    time.sleep(SETTLE_S)
    took = (time.monotonic() - begin) * 1000 * os.cpu_count()
    return took - (idle_ms() - before)


def cpu_row(timer, rounds):
    """A cell's share, without what starting the program takes in any case."""
    count = 1000 if rounds > 3 else 300

    took = []
    for _ in range(rounds):
        cell = busy_ms(lambda: timer.p50_us(["cell"], count, 0))
        plain = busy_ms(lambda: timer.p50_us(["exec", TRUE], count, 0))
        took.append((cell - plain) / count)
    yield row("cell_cpu_ms", "ms", took, None,
              f"processor time of the whole machine for one of {count} cells made and destroyed, control groups, network and "
              "kernel threads with it; what fork, exec and exit of the program alone take is taken off")


def pss_kib(launcher):
    """Of the launcher and the inits of its cells, which are forks of it."""
    total = 0
    for pid in [launcher, *children(launcher)]:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(
                f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return file.read().split()


def held_things(launcher):
    """What must not grow: descriptors, mounts, control groups of the host."""
    with open("/proc/cgroups", encoding="utf-8") as file:
        groups = sum(int(line.split()[2]) for line in file if not line.startswith("#"))
    with open(f"/proc/{launcher}/mountinfo", encoding="utf-8") as file:
        mounts = len(file.readlines())
    return {"descriptors": len(os.listdir(f"/proc/{launcher}/fd")), "mounts": mounts, "control groups": groups}


def many_row(timer, rounds):
    (launcher,) = timer.ask("launcher")
    took = []
    for _ in range(rounds):
        before = pss_kib(launcher)
        if timer.ask("hold", AT_ONCE) != [AT_ONCE]:
            raise RuntimeError("not all cells started")
        took.append((pss_kib(launcher) - before) / AT_ONCE)
        if timer.ask("release") != [AT_ONCE]:
            raise RuntimeError("not all cells ended as they were told")
        time.sleep(SETTLE_S)
    yield row("launcher_kib_per_cell", "KiB", took, None,
              f"PSS of the launcher and its cells' inits with {AT_ONCE} cells running at once, less without; "
              f"the launcher alone with {READY} ready: {before} KiB")


def leak_row(timer, rounds):
    (launcher,) = timer.ask("launcher")
    tasks = 20_000 if rounds > 3 else 2_000
    timer.p50_us(["cell"], 500, 0)
    time.sleep(SETTLE_S)
    memory, before = pss_kib(launcher), held_things(launcher)
    timer.p50_us(["cell"], tasks, 0)
    time.sleep(SETTLE_S)
    grown = {name: now - before[name] for name, now in held_things(launcher).items() if now - before[name] > SLACK}
    if grown:
        raise RuntimeError(f"left after {tasks} cells: {grown}")
    yield row("leak_kib_per_1000_tasks", "KiB", [(pss_kib(launcher) - memory) * 1000 / tasks], None,
              f"growth of the launcher's PSS over {tasks} cells; descriptors, mounts and the host's control groups "
              f"(/proc/cgroups) grew by no more than {SLACK}")


def rows(rounds):
    with contextlib.ExitStack() as stack:
        timer = Timer(stack)
        yield from cpu_row(timer, rounds)
        yield from many_row(timer, rounds)
        yield from leak_row(timer, rounds)
    yield from compared(rounds)


def compared(rounds):
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
