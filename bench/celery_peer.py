"""A Celery task that does nothing, and a client that sends many: prints tasks a second.

usage: celery_peer.py TASKS WINDOW    (KILN_BENCH_REDIS is the server's URL)
"""

import collections
import os
import sys
import time

import celery

URL = os.environ["KILN_BENCH_REDIS"]
app = celery.Celery("celery_peer", broker=URL, backend=URL)


@app.task
def noop():
    return 0


def main():
    tasks, window = int(sys.argv[1]), int(sys.argv[2])
    under_way = collections.deque()
    begin = time.monotonic()
    for _ in range(tasks):
        if len(under_way) == window:
            under_way.popleft().get(timeout=60)
        under_way.append(noop.delay())
    for result in under_way:
        result.get(timeout=60)
    print(tasks / (time.monotonic() - begin))


if __name__ == "__main__":
    main()
