"""A deep queue: what a queued task costs, how fast it is worked off, how soon a broker is back."""

import subprocess
import time

import msgpack
import zmq

from measure import DEADLINE, KILN, Kiln, place, row, wait_until

BATCH = 10_000
DEEP, SHORT_DEEP = 1_000_000, 100_000
SHALLOW = 1_000
WORKED_OFF = 1_000  # tasks of one measurement of dispatch
FULL_ROUNDS = 5
LIVE = ("scheduled", "queued", "joined", "running", "retrying")


class Client:
    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.REQ)
        self.socket.linger = 0
        self.socket.rcvtimeo = int(DEADLINE * 1000)
        self.socket.connect(endpoint)

    def ask(self, tag, **fields):
        self.socket.send(msgpack.packb({"v": 1, "t": tag, **fields}))
        answer = msgpack.unpackb(self.socket.recv())
        if answer["t"] == "error":
            raise RuntimeError(f"{answer['code']}: {answer['message']}")
        return answer

    def depth(self, *states):
        return sum(q["depth"].get(state, 0) for q in self.ask("queues")["queues"] for state in states)

    def queued(self):
        return self.depth("queued")

    def live(self):
        return self.depth(*LIVE)


def fill(client, count):
    for first in range(0, count, BATCH):
        client.ask("submit_batch", tasks=[
            {"language": "noop", "code": str(n), "cache": False}
            for n in range(first, min(count, first + BATCH))])


def resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return 1024 * next(int(l.split()[1]) for l in file if l.startswith("VmRSS:"))


def dispatch_rate(kiln, client):
    """Tasks a second while a worker is there, until so many are worked off."""
    before = client.queued()
    process = subprocess.Popen(
        [KILN, "worker", "--noop", "--slots", "8", "--broker", kiln.workers, "--name", "depth"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        first = wait_until(lambda: (n := client.queued()) < before and n, "the first to be taken")
        begin = time.monotonic()
        left = wait_until(lambda: (n := client.queued()) <= max(0, first - WORKED_OFF) and [n],
                          "a thousand to be worked off")[0]
        return (first - left) / (time.monotonic() - begin)
    finally:
        process.kill()
        process.wait()


def rows(rounds):
    count = DEEP if rounds >= FULL_ROUNDS else SHORT_DEEP
    note = f"{count:,} queued, with programs of up to 7 bytes"
    with place() as directory, Kiln(directory) as kiln:
        client = Client(kiln.clients)
        empty = resident_bytes(kiln.broker.pid)
        fill(client, 2 * SHALLOW)
        shallow = dispatch_rate(kiln, client)
        fill(client, count)
        each = (resident_bytes(kiln.broker.pid) - empty) / count
        deep = dispatch_rate(kiln, client)
        # Its worker is dead; once its leases are lost nothing changes any more.
        wait_until(lambda: client.depth("running") == 0, "the dead worker's tasks to be queued again")
        live = client.live()
        kiln.broker.kill()
        kiln.broker.wait()
        begin = time.monotonic()
        kiln.broker = kiln.start("broker", "--data", kiln.data, "--clients", kiln.clients, "--workers",
                           kiln.workers, "--http", "off")
        took = time.monotonic() - begin
        if (found := Client(kiln.clients).live()) != live:
            raise RuntimeError(f"the broker came back with {found} tasks of {live}")
    yield row("bytes_per_queued_task", "bytes", [each], None, note + "; growth of resident memory")
    yield row("dispatch_1m_vs_1k", "tasks/s", [deep], [shallow], note + "; peer: ours at 1,000")
    yield row("restart_1m_s", "s", [took], None, note + "; after kill -9, until it listens again")
