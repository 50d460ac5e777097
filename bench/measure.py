"""What every benchmark needs: rows, medians, services that end, places that go."""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KILN = os.environ.get("KILN_BIN", os.path.join(ROOT, "build/release/bin/kiln"))
PYTHON = "/usr/bin/python3"
DEADLINE = 60.0  # seconds, of one wait


def row(name, unit, ours, peer, note):
    """One line of bench.json: medians of the runs, and the ratio of the medians; peer may be None."""
    mine = statistics.median(ours)
    theirs = statistics.median(peer) if peer else None
    return {"name": name, "ours": round(mine, 4), "peer": theirs and round(theirs, 4),
            "ratio": round(mine / theirs, 4) if theirs else None, "unit": unit, "runs": len(ours),
            "note": note}


def wait_until(condition, what, pause=0.02):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if value := condition():
            return value
        select.select([], [], [], pause)
    raise TimeoutError(f"waited {DEADLINE:g} s in vain for {what}")


@contextlib.contextmanager
def place():
    """A directory on the same disk for both sides, gone at the end."""
    directory = tempfile.mkdtemp(prefix="kiln-bench-", dir=os.environ.get("KILN_BENCH_DIR", "/var/tmp"))
    os.chmod(directory, 0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def service(command, **more):
    process = subprocess.Popen(command, **{"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
                                           **more})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def version_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return re.search(r"\d+(\.\d+)+", done.stdout + done.stderr).group()


class Kiln:
    """A broker and a worker over TCP on loopback, its store on the disk."""

    def __init__(self, directory, noop=True, slots=2):
        self.directory, self.noop, self.slots = directory, noop, slots
        self.data = os.path.join(directory, "data")
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        self.broker = self.start("broker", "--data", self.data, "--clients", "tcp://127.0.0.1:*",
                                 "--workers", "tcp://127.0.0.1:*", "--http", "off")
        self.clients, self.workers = re.search(r"clients on (\S+), workers on ([^\s,]+)",
                                               self.line).groups()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def start(self, *arguments):
        process = self.stack.enter_context(
            service([KILN, *arguments], stdout=subprocess.PIPE, text=True))
        self.line = process.stdout.readline()
        if not self.line:
            raise RuntimeError(f"kiln {arguments[0]} does not start")
        return process

    def worker(self):
        return self.start("worker", "--broker", self.workers, "--name", "bench", "--slots",
                          str(self.slots), *(["--noop"] if self.noop else []))

    def bench(self, pattern, tasks, clients=8, window=1):
        """The figures of one `kiln bench`. It refuses by itself if cells used are not tasks."""
        done = subprocess.run(
            [KILN, "bench", pattern, "--tasks", str(tasks), "--clients", str(clients),
             "--window", str(window), "--broker",
             self.clients, "--json", *(["--noop"] if self.noop else [])],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        figures = json.loads(done.stdout)
        if figures["cells"] != tasks:
            raise RuntimeError(f"{figures['cells']} cells for {tasks} tasks")
        return figures


def pss_mib(pid):
    """Of a process and all below it (proc(5), smaps_rollup)."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        own = next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return own / 1024 + sum(pss_mib(int(child)) for child in file.read().split())
