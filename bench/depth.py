"""A deep queue beside a short one: what a queued task costs, how fast it is worked off, how soon a
broker is back."""

import contextlib
import subprocess
import time

import msgpack
import zmq

from measure import DEADLINE, KILN, Kiln, place, row, service, wait_until

BATCH = 10_000
DEEP, SHORT_DEEP = 1_000_000, 100_000
SHALLOW = 2_000
WORKED_OFF = 1_000  # tasks of one measurement of dispatch
FULL_ROUNDS = 5
REPEATS = 3  # of all; each fills a store
PAIRS = 3    # of dispatch in a repeat: once with the short queue, once with the deep one
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
    """Until so many are queued."""
    missing = count - client.queued()
    for first in range(0, missing, BATCH):
        client.ask("submit_batch", tasks=[
            {"language": "noop", "code": str(n), "cache": False}
            for n in range(first, min(missing, first + BATCH))])


def resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return 1024 * next(int(l.split()[1]) for l in file if l.startswith("VmRSS:"))


def dispatch_rate(kiln, client):
    """Tasks a second while a worker is there, until so many are worked off. It leaves in order."""
    before = client.queued()
    worker = [KILN, "worker", "--noop", "--slots", "8", "--broker", kiln.workers, "--name", "depth"]
    with service(worker, stdout=subprocess.DEVNULL):
        first = wait_until(lambda: (n := client.queued()) < before and n, "the first to be taken", 0.002)
        begin = time.monotonic()
        left = wait_until(lambda: (n := client.queued()) <= max(0, first - WORKED_OFF) and [n],
                          "a thousand to be worked off", 0.002)[0]
        rate = (first - left) / (time.monotonic() - begin)
    wait_until(lambda: client.depth("running") == 0, "the worker's tasks to be given back")
    return rate


def restart_seconds(kiln, client):
    live = client.live()
    kiln.broker.kill()
    kiln.broker.wait()
    begin = time.monotonic()
    kiln.broker = kiln.start("broker", "--data", kiln.data, "--clients", kiln.clients, "--workers",
                             kiln.workers, "--http", "off")
    took = time.monotonic() - begin
    if (found := Client(kiln.clients).live()) != live:
        raise RuntimeError(f"the broker came back with {found} tasks of {live}")
    return took


def measure(count, each, shallow, deep, restart):
    with contextlib.ExitStack() as stack:
        kilns = [stack.enter_context(Kiln(stack.enter_context(place()))) for _ in range(2)]
        clients = [Client(kiln.clients) for kiln in kilns]
        empty = resident_bytes(kilns[1].broker.pid)
        fill(clients[1], count)
        each.append((resident_bytes(kilns[1].broker.pid) - empty) / count)
        for _ in range(PAIRS):
            fill(clients[0], SHALLOW)
            shallow.append(dispatch_rate(kilns[0], clients[0]))
            deep.append(dispatch_rate(kilns[1], clients[1]))
        restart.append(restart_seconds(kilns[1], clients[1]))


def rows(rounds):
    count = DEEP if rounds >= FULL_ROUNDS else SHORT_DEEP
    each, shallow, deep, restart = [], [], [], []
    for _ in range(REPEATS):
        measure(count, each, shallow, deep, restart)
    note = f"{count:,} queued, with programs of up to 7 bytes"
    yield row("bytes_per_queued_task", "bytes", each, None, note + "; growth of resident memory")
    yield row("dispatch_1m_vs_1k", "tasks/s", deep, shallow,
              f"{note}; peer: ours at 1,000 to {SHALLOW:,}, in turn; a worker of 8 slots that runs nothing")
    yield row("restart_1m_s", "s", restart, None, note + "; after kill -9, until it listens again")
