"""Celery tasks, and a client that sends many: prints tasks a second.

usage: celery_peer.py TASKS WINDOW [CODE]    (KILN_BENCH_REDIS is the server's URL)

Without CODE the task does nothing; with it, it runs a python3 with that.
"""

import collections
import os
import subprocess
import sys
import time

import celery

URL = os.environ["KILN_BENCH_REDIS"]
app = celery.Celery("celery_peer", broker=URL, backend=URL)


@app.task
def noop():
    return 0


@app.task
def run(code):
    done = subprocess.run(["/usr/bin/python3", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def main():
    tasks, window, *code = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    start = (lambda: run.delay(code[0])) if code else noop.delay
    under_way = collections.deque()
    begin = time.monotonic()
    for _ in range(tasks):
        if len(under_way) == window:
            under_way.popleft().get(timeout=60)
        under_way.append(start())
    for result in under_way:
        result.get(timeout=60)
    print(tasks / (time.monotonic() - begin))


if __name__ == "__main__":
    main()
