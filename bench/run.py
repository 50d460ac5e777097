#!/usr/bin/python3
"""Runs every benchmark, ours and its peer's in turn, and writes medians and ratios as JSON: a list of
{"name","ours","peer","ratio","unit","runs","note"}. A ratio is ours / peer.

usage: run.py [--short] [--only NAME]...    (as root; packages: ./dev deps bench)

The file is build/bench.json, with --short build/bench-short.json; what --only chose is only shown, so
that no file holds a part of the rows or rows of two kinds of run.
"""

import argparse
import contextlib
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cells
import depth
import peers
import warm
from measure import KILN, ROOT, Kiln, place, pss_mib, row

ROUNDS, SHORT_ROUNDS = 7, 3
NOOP_SLOTS = 32  # a slot that runs nothing costs nothing, it only bounds what the worker holds at once


def in_turn(rounds, ours, peer):
    """Both lists of figures; each round runs one and then the other."""
    pairs = [(ours(), peer()) for _ in range(rounds)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def noop_latency(rounds):
    with place() as directory, Kiln(directory) as kiln:
        kiln.worker()
        took = [kiln.bench("latency", 200)["p50_ms"] for _ in range(rounds)]
    yield row("noop_latency_p50_ms", "ms", took, None,
              "submit, commit, run nothing, commit, result; SQLite synchronous=FULL, loopback TCP")


def durable_noop(rounds):
    """Each row as many tasks under way on both sides."""
    for name, peer, version, what, clients, window, tasks, few in (
            ("durable_noop_vs_beanstalkd", peers.beanstalkd, peers.beanstalkd_version,
             "binlog, fsync at each write; put, reserve, delete", peers.CONNECTIONS, 1, 1600, 1600),
            ("durable_noop_vs_celery", peers.celery, peers.celery_version,
             "2 prefork workers, append-only file synchronized each second; its own client, delay() in a "
             "loop, then get()", 1, peers.WINDOW, 8000, 1600)):
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(place())
            kiln = stack.enter_context(Kiln(directory, slots=NOOP_SLOTS))
            kiln.worker()
            rate = stack.enter_context(peer(directory))
            ours, theirs = in_turn(
                rounds, lambda k=kiln, n=tasks, c=clients, w=window: k.bench(
                    "throughput", n, c, w)["tasks_per_second"],
                lambda r=rate, n=few: r(n))
        yield row(name, "tasks/s", ours, theirs,
                  f"peer: {version()}, {what}; ours: kiln bench, SQLite synchronous=FULL, a worker of "
                  f"{NOOP_SLOTS} slots that runs nothing; both: {clients * window} under way, from {clients} "
                  f"connection{'s' if clients > 1 else ''}")


def idle(rounds):
    broker, worker = [], []
    for _ in range(rounds):
        with place() as directory, Kiln(directory, noop=False) as kiln:
            process = kiln.worker()
            broker.append(pss_mib(kiln.broker.pid))
            worker.append(pss_mib(process.pid))
    yield row("idle_broker_mib", "MiB", broker, None, "PSS")
    yield row("idle_worker_mib", "MiB", worker, None, "PSS of worker, monitor and launcher")


BENCHMARKS = {
    "noop_latency_p50_ms": noop_latency,
    "cells": cells.rows,
    "durable_noop": durable_noop,
    "warm": warm.rows,
    "depth": depth.rows,
    "idle": idle,
}


def table(rows):
    cells = [["NAME", "OURS", "PEER", "RATIO", "UNIT", "RUNS"]] + [
        [r["name"], *(("-" if r[k] is None else f"{r[k]:g}") for k in ("ours", "peer", "ratio")),
         r["unit"], str(r["runs"])] for r in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(6)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in cells)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--short", action="store_true", help="fewer rounds, smaller queues")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="only this one")
    arguments = parser.parse_args()
    if not os.access(KILN, os.X_OK):
        sys.exit(f"there is no {KILN}: ./dev build makes it")
    rows = []
    for name in arguments.only or BENCHMARKS:
        print(f"bench: {name}", file=sys.stderr, flush=True)
        rows += BENCHMARKS[name](SHORT_ROUNDS if arguments.short else ROUNDS)
    if not arguments.only:
        name = "bench-short.json" if arguments.short else "bench.json"
        with open(os.path.join(ROOT, "build", name), "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
            file.write("\n")
    print(table(rows))


if __name__ == "__main__":
    main()
