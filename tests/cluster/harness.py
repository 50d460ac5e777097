"""Starts brokers and workers for the end-to-end tests, and ends what it started.

Every process is the built kiln (KILN_BIN). It listens on free ports and says on standard output which
ones, once it works: that line is what start() waits for. All waiting is for a condition, by a
deadline; a deadline that passes fails the test with what the process wrote.
"""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

KILN = os.environ["KILN_BIN"]
SOURCE = os.environ["KILN_SOURCE_DIR"]
ANY_PORT = "tcp://127.0.0.1:*"
DEADLINE = 30.0  # seconds, of one wait
PYTHON = "/usr/bin/python3"
# Many brokers at once: each takes a free port for HTTP, too.
os.environ["KILN_HTTP"] = "127.0.0.1:0"


class Service:
    """One running process of ours, its first line of output, and its standard error in a file."""

    def __init__(self, directory, name, arguments):
        self.errors = os.path.join(directory, name + ".log")
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [KILN, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        self.line = self._read_line(name)

    def _read_line(self, name):
        end = time.monotonic() + DEADLINE
        line = b""
        output = self.process.stdout.fileno()
        while not line.endswith(b"\n"):
            left = max(0.0, end - time.monotonic())
            piece = os.read(output, 4096) if select.select([output], [], [], left)[0] else b""
            if not piece:
                self.end()
                raise AssertionError(f"{name} did not start: {line!r} {self.log()}")
            line += piece
        return line.decode()

    def log(self):
        with open(self.errors, encoding="utf-8", errors="replace") as file:
            return file.read()

    def kill(self):
        """As by a crash: SIGKILL, to this process alone."""
        self.process.kill()
        self.process.wait(DEADLINE)

    def end(self):
        """In order, then by force."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process.stdout.close()


class Cluster:
    """A broker and workers, or a serve, over real sockets, in a directory that goes at the end."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="kiln-test-")
        os.chmod(self.directory, 0o755)  # the broker's own user passes through
        self.services = []
        self.clients = ANY_PORT
        self.workers = ANY_PORT
        self.data = os.path.join(self.directory, "data")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for service in reversed(self.services):
            service.end()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self, name, arguments):
        service = Service(self.directory, f"{name}-{len(self.services)}", arguments)
        self.services.append(service)
        return service

    def _listen(self, name, *more):
        service = self.start(name, [name, "--data", self.data, "--clients", self.clients,
                                     "--workers", self.workers, *more])
        # A broker that is started again listens where the first one did.
        self.clients, self.workers = re.search(r"clients on (\S+), workers on ([^\s,]+)",
                                               service.line).groups()
        return service

    def broker(self, *more):
        return self._listen("broker", *more)

    def keys(self, *peers):
        """Makes keys of the broker and of these peers (their role by default worker: "ada:client"),
        in our directory; what the broker is to be told."""
        with open(os.path.join(self.directory, "allow"), "w", encoding="utf-8") as allow:
            for peer in peers or ("oven-1",):
                name, _, role = peer.partition(":")
                allow.write(self._keygen(name, "--role", role or "worker").splitlines()[1] + "\n")
        self._keygen("broker")
        return ("--key", os.path.join(self.directory, "broker.key"), "--allow", allow.name)

    def _keygen(self, name, *more):
        done = kiln("keygen", "--out", os.path.join(self.directory, name + ".key"), *more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def serve(self, *more):
        return self._listen("serve", *more)

    def worker(self, name, slots=2):
        return self.start("worker", ["worker", "--broker", self.workers, "--name", name,
                                      "--slots", str(slots)])

    def kiln(self, *arguments, **more):
        """A client command against this broker, to its end."""
        return kiln(*arguments, env={"KILN_BROKER": self.clients}, **more)

    def submit(self, code, *more):
        done = self.kiln("submit", "-", "--language", "python", "--no-cache", *more, stdin=code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def status(self, task):
        done = self.kiln("status", task, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def result(self, task, wait=60):
        done = self.kiln("result", task, "--wait", str(wait), "--json", deadline=wait + DEADLINE)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def wait_for_state(self, task, *states):
        return wait_until(lambda: self.status(task)["state"] in states and self.status(task),
                          f"{task} to be {states}")


def kiln(*arguments, stdin="", env=None, deadline=DEADLINE, cwd=SOURCE):
    """One kiln command, to its end."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("KILN_") or k == "KILN_HTTP"}
    return subprocess.run([KILN, *arguments], input=stdin, capture_output=True, text=True,
                          timeout=deadline, cwd=cwd, env={**clean, **(env or {})}, check=False)


def wait_until(condition, what, deadline=DEADLINE):
    """The condition's first true value. Looks again after a pause; only the deadline fails."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        select.select([], [], [], 0.05)
    raise AssertionError(f"waited {deadline:g} s in vain for {what}")


def page_program(page):
    """The first python block of a page of docs/."""
    with open(os.path.join(SOURCE, "docs", page), encoding="utf-8") as file:
        return re.search(r"```python\n(.*?)```", file.read(), re.DOTALL).group(1)


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def running_programs(launcher):
    """The programs in its cells that have started: one that waits for its text has no descriptor 0."""
    def runs(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # gone meanwhile
            return name_of(pid) != "kiln-launcher" and os.path.lexists(f"/proc/{pid}/fd/0")
        return False
    # A cold one is its init's child, a warm one its interpreter's.
    return [pid for child in children_of(launcher) for pid in children_of(child) if runs(pid)]


def is_alive(pid):
    """Not even as a zombie that nobody has waited for (proc(5))."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def name_of(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
        return file.read().strip()
