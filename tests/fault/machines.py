"""The cluster that suffers: a broker, worker nodes, clients, each on a machine of the lan, with keys.

A service is started with its output in files, may be killed or paused (or a process of its), and is
started again. One that ends without our doing is an error: check() tells of it."""

import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "cluster"))
import harness  # noqa: E402

SLOTS = 2
DISK_BYTES = 512 << 20  # and for each second of the run:
DISK_BYTES_PER_SECOND = 1 << 20
MOST_DISK_BYTES = 2 << 30
FILL_BYTES = 1 << 20
END_DEADLINE = 60.0  # seconds, for a service to end in order
ORPHANS_DEADLINE = 10.0  # for what it started to end after it
STALE = "a stale result is refused"


def descendants(pid):
    """Of this process, now."""
    try:
        children = harness.children_of(pid)
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [p for child in children for p in (child, *descendants(child))]


class Service:
    """One kiln process on one machine of the lan; it comes and goes."""

    def __init__(self, lan, name, arguments):
        self.lan, self.name, self.arguments = lan, name, arguments
        self.log = f"{name}.log"
        self.process = None

    def start(self):
        with open(f"{self.name}.out", "wb") as out, open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.lan.on(self.name, [harness.KILN, *self.arguments]),
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=log)

    def wait_until_ready(self):
        harness.wait_until(lambda: os.path.getsize(f"{self.name}.out") > 0, f"{self.name} to start")

    def check(self):
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended by itself ({self.process.returncode}):\n"
                                 + self.tail())

    def tail(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-20:])

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """What it had started must end, too."""
        started = descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
        self.process = None
        harness.wait_until(lambda: not any(map(harness.is_alive, started)),
                           f"what {self.name} had started to end after it", ORPHANS_DEADLINE)

    def end(self):
        self.check()
        self.signal(signal.SIGTERM)
        code = self.process.wait(END_DEADLINE)
        assert code == 0, f"{self.name} ended with {code}:\n{self.tail()}"
        self.process = None


class Node(Service):
    def launcher(self):
        """Its launcher's pid, None while there is none."""
        for pid in descendants(self.process.pid):
            try:
                if harness.name_of(pid) == "kiln-launcher":
                    return pid
            except (FileNotFoundError, ProcessLookupError):
                pass  # it ended meanwhile
        return None

    def signal_launcher(self, number):
        """Waits for one that has just been started anew; returns its pid."""
        pid = harness.wait_until(self.launcher, f"a launcher of {self.name}")
        os.kill(pid, number)
        return pid


class Client:
    """A client.py on the client's machine, told what to do by lines on its standard input."""

    def __init__(self, lan, name, endpoint, seed):
        self.name = name
        self.ledger = f"{name}.ledger"
        self.said = f"{name}.said"
        with open(self.said, "wb") as out, open(f"{name}.log", "wb") as log:
            self.process = subprocess.Popen(
                lan.on("client", [sys.executable, os.path.join(HERE, "client.py"), endpoint,
                                  f"{name}.key", "broker.pub", self.ledger, str(seed)]),
                stdin=subprocess.PIPE, stdout=out, stderr=log, text=True)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def lines(self, event):
        """Those of its output with this event."""
        with open(self.said, encoding="utf-8") as file:
            found = [json.loads(line) for line in file if line.endswith("\n")]
        return [line for line in found if line["event"] == event]

    def check(self):
        if self.process.poll() not in (None, 0):
            with open(f"{self.name}.log", encoding="utf-8") as log:
                raise AssertionError(f"{self.name} found something: {self.lines('violation')[:5]}\n"
                                     + log.read()[-4000:])

    def finish(self, deadline):
        """No more tasks; waits until all it has submitted have ended. Its closing count."""
        self.tell("stop")
        try:
            self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"{self.name} still waits for {self.lines('open')[-1:]}") from None
        self.check()
        return self.lines("done")[0]


class Disk:
    """The broker's data directory, on a small file system of its own that can be filled up."""

    def __init__(self, path, size):
        self.path, self.filler = path, os.path.join(path, "filler")
        os.mkdir(path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "kiln-test",
                        path], check=True)

    def fill(self):
        with open(self.filler, "wb", buffering=0) as file:
            size = FILL_BYTES
            while size >= 512:
                try:
                    file.write(bytes(size))
                except OSError:
                    size //= 2

    def make_room(self):
        os.remove(self.filler)


class Cluster:
    """In the present directory, which belongs to this run."""

    def __init__(self, lan, nodes, clients, arguments):
        self.lan = lan
        size = DISK_BYTES + int(arguments.seconds) * DISK_BYTES_PER_SECOND
        self.disk = Disk(os.path.abspath("disk"), min(size, MOST_DISK_BYTES))
        self.data = os.path.join(self.disk.path, "data")
        self._make_keys(nodes, clients)
        at = lan.add("broker")
        endpoints = [f"tcp://{at}:5570", f"tcp://{at}:5571"]
        self.broker = Service(lan, "broker", [
            "broker", "--data", self.data, "--key", "broker.key", "--allow", "allow",
            "--clients", endpoints[0], "--workers", endpoints[1]])
        self.nodes = []
        for name in nodes:
            lan.add(name)
            self.nodes.append(Node(lan, name, [
                "worker", "--broker", endpoints[1], "--slots", str(SLOTS), "--key", f"{name}.key",
                "--broker-key", "broker.pub"]))
        self.broker.start()
        self.broker.wait_until_ready()
        for node in self.nodes:
            node.start()
            node.wait_until_ready()
        lan.add("client")
        self.clients = [Client(lan, name, endpoints[0], f"{arguments.seed}-{name}") for name in clients]

    @staticmethod
    def _make_keys(nodes, clients):
        roles = [*((n, "worker", "default") for n in nodes), *((c, "client", c) for c in clients)]
        with open("allow", "w", encoding="utf-8") as allow:
            for name, role, tenant in roles:
                done = harness.kiln("keygen", "--out", f"{name}.key", "--role", role, "--tenant",
                                    tenant, cwd=os.getcwd())
                allow.write(done.stdout.splitlines()[1] + "\n")
        harness.kiln("keygen", "--out", "broker.key", cwd=os.getcwd())

    def services(self):
        return [self.broker, *self.nodes]

    def check(self):
        for one in (*self.services(), *self.clients):
            one.check()

    def large_programs(self, seconds):
        for client in self.clients:
            client.tell("big")
        wait(seconds, self)
        for client in self.clients:
            client.tell("small")

    def stale_refused(self):
        with open(self.broker.log, encoding="utf-8", errors="replace") as log:
            return sum(STALE in line for line in log)

    def processes(self):
        """Name → pid of the processes that live on: services and launchers."""
        found = {s.name: s.process.pid for s in self.services() if s.process is not None}
        for node in self.nodes:
            if node.process is not None and (pid := node.launcher()):
                found[f"{node.name}'s launcher"] = pid
        return found


def wait(seconds, cluster):
    """Lets time pass, as a fault's length; what ends meanwhile without our doing is told at once."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        cluster.check()
        harness.select.select([], [], [], min(0.1, left))
