"""The pages under load and at scale: a thousand workers and a hundred queues, scrapes while kiln bench
drives a cluster, and what /readyz says while a broker reads its store."""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid

import msgpack
import pytest
import zmq

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "http"))
import harness
import pages_test as pages
import wire

WORKERS, QUEUES = 1_000, 100
SCRAPES = 30
MOST_MEDIAN_SECONDS = 0.1  # a guard against what grows with the square; the figure is printed
MANY_TASKS = 200_000
BATCH = 10_000


class FakeWorkers:
    """Workers that say hello and nothing else, each over a connection of its own."""

    def __init__(self, endpoint, count):
        self.context = zmq.Context()
        self.context.set(zmq.MAX_SOCKETS, 2 * count)
        self.sockets = [self.context.socket(zmq.DEALER) for _ in range(count)]
        for number, one in enumerate(self.sockets):
            one.linger = 0
            one.connect(endpoint)
            self.say(one, "hello", instance=str(uuid.uuid4()), name=f"fake-{number}", slots=2, credit=2,
                     languages=[{"name": "python", "version": "3"}], queues=["nobody"])

    @staticmethod
    def say(one, tag, **fields):
        one.send(msgpack.packb({"v": 1, "t": tag, **fields}))

    def beat(self):
        for one in self.sockets:
            self.say(one, "heartbeat")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.destroy(linger=0)


def fill(endpoint, tasks):
    with wire.Client(endpoint) as client:
        for first in range(0, len(tasks), BATCH):
            client.ask("submit_batch", tasks=tasks[first:first + BATCH])


def test_a_scrape_with_a_thousand_workers_and_a_hundred_queues(capsys):
    with harness.Cluster() as cluster:
        port = pages.port_of(cluster.broker())
        fill(cluster.clients, [wire.task("1", queue=f"queue-{n}") for n in range(QUEUES)])
        with FakeWorkers(cluster.workers, WORKERS) as workers:
            def all_up():
                workers.beat()
                text = pages.get(port, "/metrics")[1]
                return text.count("kiln_worker_up{") == WORKERS and text
            text = harness.wait_until(all_up, "all workers to be up")
            took = []
            for _ in range(SCRAPES):
                workers.beat()
                begin = time.monotonic()
                status, text = pages.get(port, "/metrics")
                took.append(time.monotonic() - begin)
                assert status == 200
        for n in range(QUEUES):
            assert pages.value(text, f'kiln_queue_depth{{queue="queue-{n}",state="queued"}}') == 1
    with capsys.disabled():
        print(f"\nscrape of {WORKERS} workers and {QUEUES} queues, {len(text) >> 10} KB: median "
              f"{1000 * statistics.median(took):.1f} ms of {SCRAPES}")
    assert statistics.median(took) < MOST_MEDIAN_SECONDS


def test_scrapes_under_load_are_the_page_that_is_documented():
    with harness.Cluster() as cluster:
        broker = cluster.broker()
        ports = {"broker": pages.port_of(broker),
                 "worker": pages.port_of(pages.worker_with_pages(cluster))}
        bench = subprocess.Popen(
            [harness.KILN, "bench", "--tasks", "120", "--clients", "4", "--broker", cluster.clients],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        scrapes = 0
        while bench.poll() is None:
            for where, port in ports.items():
                found = pages.exposed(pages.get(port, "/metrics")[1])
                known = pages.documented(where)
                assert {name: known.get(name) for name in found} == found
                scrapes += 1
        assert bench.returncode == 0, bench.stdout.read()
        assert scrapes > 10
        for where, port in ports.items():
            assert pages.exposed(pages.get(port, "/metrics")[1]).keys() <= pages.documented(where).keys()
        series = 'kiln_tasks_finished_total{queue="default",state="succeeded",verdict="ok"}'
        assert pages.value(pages.get(ports["broker"], "/metrics")[1], series) == 120


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(name="full")
def fixture_full():
    """A cluster whose broker has died with many tasks queued."""
    with harness.Cluster() as cluster:
        broker = cluster.broker()
        fill(cluster.clients, [wire.task("1", cache=False) for _ in range(MANY_TASKS)])
        broker.kill()
        yield cluster


def test_a_broker_that_reads_its_store_is_alive_and_not_ready(full):
    port = free_port()
    start = threading.Thread(target=full.broker, args=("--http", f"127.0.0.1:{port}"))
    start.start()
    ready, alive = [], []
    end = time.monotonic() + harness.DEADLINE
    while (not ready or ready[-1][0] != 200) and time.monotonic() < end:
        with contextlib.suppress(ConnectionRefusedError):
            alive.append(pages.get(port, "/healthz")[0])
            ready.append(pages.get(port, "/readyz"))
    start.join()
    assert ready[0][0] == 503 and "store: " in ready[0][1]
    assert {status for status, _ in ready} == {503, 200} and ready[-1] == (200, "ready\n")
    assert set(alive) == {200}
    assert f'kiln_queue_depth{{queue="default",state="queued"}} {MANY_TASKS}' in \
        pages.get(port, "/metrics")[1]
