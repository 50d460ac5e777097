"""A control group and namespaces around the attacks: with a step taken out, they may not take the host along."""

import contextlib
import ctypes
import os
import signal

from pathlib import Path

CLONE_NEWUTS, CLONE_NEWIPC = 0x4000000, 0x8000000
MEMORY, PROCESSES = 2 << 30, 4000
V1 = {"memory": ("memory.limit_in_bytes", MEMORY), "pids": ("pids.max", PROCESSES)}
V2 = {"memory.max": MEMORY, "pids.max": PROCESSES}


def leave_host_names():
    """A host name and System V objects of our own, whatever cells do to them (unshare(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    name = b"prove"
    if libc.unshare(CLONE_NEWUTS | CLONE_NEWIPC) != 0 or libc.sethostname(name, len(name)) != 0:
        raise OSError(ctypes.get_errno(), "cannot leave the host's namespaces")


def own_path(controller):
    """This process' group below the mount of `controller` ("": version 2)."""
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return path.lstrip("/")
    raise RuntimeError(f"no control group of {controller or 'version 2'}")


def mount_of(controller):
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split()[:3]
        if kind == ("cgroup" if controller else "cgroup2") and (not controller or controller in options.split(",")):
            return Path(left.split()[4])
    return None


def enter(directory, limits):
    directory.mkdir()
    for name, value in limits.items():
        (directory / name).write_text(str(value), encoding="utf-8")
    before = directory.parent / "cgroup.procs"
    (directory / "cgroup.procs").write_text(str(os.getpid()), encoding="utf-8")
    return before


def clear(directories):
    """Ends whatever a broken sandbox has left in there, and removes its groups."""
    for directory in directories:
        for procs in sorted(directory.rglob("cgroup.procs"), reverse=True):
            for pid in map(int, procs.read_text(encoding="utf-8").split()):
                with contextlib.suppress(ProcessLookupError):
                    if pid != os.getpid():
                        os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                if procs.parent != directory:
                    procs.parent.rmdir()


@contextlib.contextmanager
def group():
    """This process and its children, for as long as the context lasts. Yields what ends all of the latter."""
    leave_host_names()
    name = f"prove-kiln-{os.getpid()}"  # not as launchers name theirs, which others may sweep
    made = []
    try:
        if mount_of("memory"):
            for controller, (file, value) in V1.items():
                directory = mount_of(controller) / own_path(controller) / name
                made.append((directory, enter(directory, {file: value})))
        else:
            directory = mount_of("") / own_path("") / name
            made.append((directory, enter(directory, V2)))
        directories = [directory for directory, _ in made]
        yield lambda: clear(directories)
    finally:
        clear([directory for directory, _ in made])
        for directory, before in made:
            before.write_text(str(os.getpid()), encoding="utf-8")
            directory.rmdir()
