#!/usr/bin/python3
"""Does its worst to a cluster under load, and then asks whether anything was lost.

A broker and three worker nodes, each with a network and an address of its own, and keys; two clients with
ledgers (client.py). For some minutes faults come, several at a time: processes are killed and paused,
links cut, the disk filled (faults.py). Then all is mended, every acknowledged task must come to its
end, and `kiln verify` reads the store and both ledgers. The last line of output is the count; the exit
code is 0 only if nothing was lost or doubled and each kind of fault was there.

With --soak no process is killed in the second half, and the memory of each is watched: it must not
grow without end.

usage: nemesis.py [--seed N] [--seconds S] [--soak] DIRECTORY    (as root; KILN_BIN is the kiln to try)

The seed decides which faults come, where, in what order and for how long, and what the clients submit;
the moments are those of the machine.
"""

import argparse
import collections
import contextlib
import heapq
import itertools
import json
import os
import random
import sqlite3
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lan
import machines
from machines import harness
from faults import FAULTS
from memory import Memory

NODES = ("node-1", "node-2", "node-3")
CLIENTS = ("red", "blue")  # each a tenant
GAP = (0.2, 3.0)  # seconds from the begin of one fault to the next one's
LONGEST = 3.0  # at most so many times as long as told, until each kind and outcome was there
CACHES_FULL = 8.0  # seconds of large programs, some 20 MB of them a second
CLIENTS_DEADLINE = 180.0  # seconds, from the last fault to the last end


class Nemesis:
    def __init__(self, cluster, seed):
        self.cluster = cluster
        self.random = random.Random(seed)
        self.deck = []
        self.to_mend = []  # heap of (when, number, fault, places, how)
        self.numbers = itertools.count()
        self.taken = set()
        self.done = collections.Counter()
        self.started = time.monotonic()

    def say(self, what):
        print(f"{time.monotonic() - self.started:7.2f} s  {what}", flush=True)

    # --- one fault

    def draw(self, faults):
        """Each kind once, in any order, before one comes again."""
        if not self.deck:
            self.deck = self.random.sample(faults, len(faults))
        return self.deck.pop()

    def places_of(self, fault):
        """Where it may happen: lists of places, the first of which it is about."""
        cluster = self.cluster
        return {"broker": [[cluster.broker]],
                "node": [[node] for node in cluster.nodes],
                "client": [["client"]],
                "broker and client": [[cluster.broker, "client"]]}[fault.place]

    def free_places(self, fault):
        return [ps for ps in self.places_of(fault) if not any(p in self.taken for p in ps)]

    def begin(self, fault):
        while not (free := self.free_places(fault)):
            self.mend_next()
        places = self.random.choice(free)
        length = self.random.uniform(*fault.seconds)
        name = "" if places[0] == "client" else f" {places[0].name}"
        self.say(f"{fault.kind}:{name} for {length:.1f} s")
        mend = fault.begin(self.cluster, places[0])
        self.taken.update(places)
        heapq.heappush(self.to_mend,
                       (time.monotonic() + length, next(self.numbers), fault, places, mend))

    def mend_next(self):
        when, _, fault, places, mend = heapq.heappop(self.to_mend)
        machines.wait(when - time.monotonic(), self.cluster)
        mend()
        self.taken.difference_update(places)
        self.done[fault.kind] += 1

    # --- many

    def torment(self, seconds, faults, enough=lambda: True):
        """For so long; then until each kind was there and `enough`, within a bound."""
        begin = time.monotonic()
        self.deck = []

        def over():
            ran = time.monotonic() - begin
            whole = all(self.done[f.kind] for f in faults) and enough()
            return ran >= seconds * LONGEST or (ran >= seconds and whole)

        while not over():
            self.begin(self.draw(faults))
            next_fault = time.monotonic() + self.random.uniform(*GAP)
            while self.to_mend and self.to_mend[0][0] <= next_fault:
                self.mend_next()
            machines.wait(next_fault - time.monotonic(), self.cluster)
        while self.to_mend:
            self.mend_next()


# --- the account

def stored(data):
    """How many leases were lost, over all tasks."""
    with contextlib.closing(sqlite3.connect(os.path.join(data, "kiln.db"))) as store:
        return store.execute("SELECT sum(losses) FROM tasks").fetchone()[0]


def verified(cluster):
    with open("ledger", "wb") as whole:
        for client in cluster.clients:
            with open(client.ledger, "rb") as part:
                whole.write(part.read())
    done = harness.kiln("verify", "--data", cluster.data, "--ledger", "ledger", "--all-ended", "--json",
                        cwd=os.getcwd(), deadline=60)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def account(cluster, nemesis, clients):
    done, report = nemesis.done, verified(cluster)
    return {
        "kills": {k: done[f"kill {k}"] for k in ("broker", "worker", "launcher")},
        "pauses": {k: done[f"pause {k}"] for k in ("broker", "worker", "launcher")},
        "partitions": {k: done[f"cut {k}"]
                       for k in ("both ways", "to broker", "from broker", "client")},
        "full disks": done["full disk"],
        "redelivered": stored(cluster.data),
        "stale refused": cluster.stale_refused(),
        "tasks": sum(c["acknowledged"] for c in clients),
        "lost": report["lost"],
        "doubled": report["doubled"],
        "other findings": sum(report[k] for k in ("stuck", "impossible", "no_result", "damaged")),
        "findings": report["findings"],
    }


def text_of(account):
    def words(value):
        return value if isinstance(value, int) else " ".join(f"{k} {n}" for k, n in value.items())
    return "; ".join(f"{name} {words(value)}" for name, value in account.items()
                     if name != "findings")


WRONG = ("lost", "doubled", "other findings")


def judge(account):
    """Everything that must be there was there, and nothing that must not be."""
    counts = [n for name, value in account.items() if name not in (*WRONG, "findings")
              for n in (value.values() if isinstance(value, dict) else [value])]
    return all(counts) and not any(account[name] for name in WRONG)


def run(arguments):
    cluster = machines.Cluster(lan.Lan(), NODES, CLIENTS, arguments)
    nemesis = Nemesis(cluster, arguments.seed)
    print(f"seed {arguments.seed}, {arguments.seconds:g} s", flush=True)
    half = arguments.seconds / 2 if arguments.soak else arguments.seconds
    # Losses are in the store as soon as they happen; one finished late is refused soon after.
    nemesis.torment(half, FAULTS, lambda: cluster.stale_refused() > 0)
    if arguments.soak:
        nemesis.say("large programs, until the caches are full")
        cluster.large_programs(CACHES_FULL)
        with Memory(cluster) as memory:
            nemesis.torment(half, [f for f in FAULTS if not f.kills])
    nemesis.say("all is mended; waiting for the ends")
    clients = [client.finish(CLIENTS_DEADLINE) for client in cluster.clients]
    nemesis.say("all have ended")
    for service in reversed(cluster.services()):
        service.end()
    for name, client in zip(CLIENTS, clients):
        print(f"{name}: {json.dumps(client['kinds'])}")
    result = account(cluster, nemesis, clients)
    print("\n".join(map(json.dumps, result["findings"])))
    steady = memory.report() if arguments.soak else True
    print(f"seed {arguments.seed}: {text_of(result)}")
    return 0 if judge(result) and steady else 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("directory")
    arguments = parser.parse_args()
    if not arguments.inside:
        return lan.again_inside([os.path.abspath(__file__), "--inside", *sys.argv[1:]])
    os.chdir(arguments.directory)
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
