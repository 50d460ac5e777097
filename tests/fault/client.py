"""A client that believes nothing: it submits programs of many kinds, sends again after any doubt, writes
down what it is told (docs/verify.md, "The ledger") and compares it with what must be.

usage: client.py ENDPOINT KEY_FILE BROKER_KEY_FILE LEDGER SEED

Lines on standard input: `big` (large programs at once, to fill a disk) and `small` (as before); `stop`: no more
programs, wait for all ends, ask for each once more, and end. Lines on standard output, one JSON object
each: `full` (the broker said that its disk is), `open` (while stopping: how many have not ended),
`violation` (something that must not be; the exit code is then 1), and `done` with the counts.
"""

import json
import os
import random
import sys
import time
import uuid

import msgpack
import zmq
from zmq.utils import z85

from programs import KINDS

STDIN = 0
OPEN_TASKS = 40  # at once
PER_SECOND = 8.0
BIG_PER_SECOND = 50.0
BIG_BYTES = 200_000
ASK_AGAIN = 3.0  # seconds without an answer
WAIT_MS = 1_000  # of one `result`
AFTER_REFUSAL = 0.2  # seconds
TERMINAL = ("succeeded", "failed", "dead", "cancelled", "expired")
PASSING = ("busy", "unavailable")  # errors that say: later


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def key_of(path, word=""):
    with open(path, encoding="ascii") as file:
        line = next(line for line in file if line.startswith(word) and not line.startswith("#"))
    return z85.encode(bytes.fromhex(line.split()[-1]))


def connect(endpoint, key_file, broker_key_file):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.curve_serverkey = key_of(broker_key_file)
    socket.curve_publickey = key_of(key_file, "public ")
    socket.curve_secretkey = key_of(key_file, "secret ")
    socket.heartbeat_ivl, socket.heartbeat_timeout = 1_000, 3_000  # a cut is noticed
    socket.reconnect_ivl, socket.reconnect_ivl_max = 50, 500
    socket.connect(endpoint)
    return socket


class Task:
    """What we know of one task. Its next step: submitted, then perhaps cancelled, then its end."""

    def __init__(self, kind, spec, text):
        self.kind, self.spec, self.text = kind, spec, text
        self.acknowledged = False
        self.to_cancel = kind.cancelled
        self.end = None  # (state, verdict, output)
        self.seen = 0  # how often the end was asked for
        self.rid = None  # of the request that has no answer yet
        self.asked_at = 0.0

    def request(self):
        if not self.acknowledged:
            return "submit", {"task": self.spec}
        if self.to_cancel:
            return "cancel", {"id": self.spec["id"]}
        return "result", {"id": self.spec["id"], "wait_ms": WAIT_MS if self.end is None else 0}


class Client:
    def __init__(self, socket, ledger, seed):
        self.socket = socket
        self.ledger = open(ledger, "w", encoding="utf-8", buffering=1)
        self.random = random.Random(seed)
        self.tasks = {}  # id -> Task
        self.open = {}  # those that have not ended
        self.waiting = {}  # rid -> task
        self.last_rid = 0
        self.violations = 0
        self.submitted = 0
        self.next_submission = time.monotonic()
        self.big = False
        self.stopping = False

    def note(self, task, **line):
        self.ledger.write(json.dumps({"id": task.spec["id"], **line}) + "\n")

    def violation(self, task, what):
        self.violations += 1
        say("violation", id=task.spec["id"], kind=task.kind.name, what=what)

    # --- what is sent

    def new_task(self):
        self.submitted += 1
        kind = self.random.choices(KINDS, [k.weight for k in KINDS])[0]
        text, code, more = kind.make(self.random, self.submitted)
        if self.big:
            code += "\n#" + "x" * BIG_BYTES
        spec = {"id": str(uuid.uuid4()), "language": "python", "code": code, "retry_delay_ms": 200,
                **more}
        self.tasks[spec["id"]] = self.open[spec["id"]] = Task(kind, spec, text)

    def submit_more(self, now):
        most = 10 * OPEN_TASKS if self.big else OPEN_TASKS
        if self.stopping or now < self.next_submission or len(self.open) >= most:
            return
        self.next_submission = now + 1 / (BIG_PER_SECOND if self.big else PER_SECOND)
        self.new_task()

    def ask(self, now):
        for task in self.open.values():
            if task.rid is not None and now < task.asked_at + ASK_AGAIN:
                continue
            if task.rid is None and now < task.asked_at:
                continue  # it was refused a moment ago
            self.waiting.pop(task.rid, None)
            self.last_rid += 1
            tag, fields = task.request()
            message = msgpack.packb({"v": 1, "t": tag, "rid": self.last_rid, **fields})
            try:
                self.socket.send(message, zmq.DONTWAIT)
            except zmq.Again:
                return  # the link is down and its queue full
            task.rid, task.asked_at = self.last_rid, now
            self.waiting[task.rid] = task

    # --- what comes back

    def receive(self, now):
        while True:
            try:
                message = msgpack.unpackb(self.socket.recv(zmq.DONTWAIT))
            except zmq.Again:
                return
            task = self.waiting.pop(message.get("rid"), None)
            if task is None:
                continue  # late: it was asked again
            task.rid, task.asked_at = None, now
            if message["t"] == "error":
                self.refused(task, message, now)
            elif not task.acknowledged:
                task.acknowledged = True
                self.note(task, event="acknowledged")
            elif task.to_cancel:
                task.to_cancel = False
            elif message["task"]["state"] in TERMINAL:
                self.ended(task, message)

    def refused(self, task, error, now):
        task.asked_at = now + AFTER_REFUSAL
        if "the disk is full" in error.get("cause", ""):
            say("full")
        if error["code"] not in PASSING:
            self.violation(task, f"{error['code']}: {error['message']}")
            del self.open[task.spec["id"]]

    def ended(self, task, message):
        info = message["task"]
        out = (message.get("result") or {}).get("out", {}).get("bytes", b"").decode()
        end = (info["state"], info["verdict"], out)
        self.note(task, event="ended", state=end[0], verdict=end[1])
        if task.end is None and not task.kind.may_end(end, task.text):
            self.violation(task, f"ended as {end}, attempt {info.get('attempt')}")
        if task.end not in (None, end):
            self.violation(task, f"two ends: {task.end}, then {end}")
        task.end = end
        task.seen += 1
        del self.open[task.spec["id"]]

    # --- the loop

    def told(self, word):
        self.big = word == "big"
        if word == "stop":
            self.stopping = True

    def turn(self):
        now = time.monotonic()
        self.receive(now)
        self.submit_more(now)
        self.ask(now)
        readable, _, _ = zmq.select([self.socket, STDIN], [], [], 0.05)
        if STDIN in readable:
            text = os.read(STDIN, 4096)
            if not text:
                sys.exit("standard input was closed")
            for word in text.decode().split():
                self.told(word)

    def run_until_none_is_open(self):
        while self.open or not self.stopping:
            self.turn()
            if self.stopping and random.random() < 0.02:
                say("open", count=len(self.open), some=list(self.open)[:3])

    def run(self):
        self.run_until_none_is_open()
        self.open = {id: task for id, task in self.tasks.items() if task.acknowledged}
        self.run_until_none_is_open()
        kinds = {}
        for task in self.tasks.values():
            state = task.end[0] if task.end else "not acknowledged"
            count = kinds.setdefault(task.kind.name, {})
            count[state] = count.get(state, 0) + 1
        say("done", submitted=self.submitted, kinds=kinds, violations=self.violations,
            acknowledged=sum(t.acknowledged for t in self.tasks.values()))


def main():
    endpoint, key_file, broker_key_file, ledger, seed = sys.argv[1:]
    client = Client(connect(endpoint, key_file, broker_key_file), ledger, seed)
    client.run()
    sys.exit(1 if client.violations else 0)


if __name__ == "__main__":
    main()
