"""Python, cold and warm, end to end: submitted over ZeroMQ to a broker that synchronizes its journal, run in a
cell of its own by a worker with a warm interpreter, its result fetched; beside a bare python3 and
beside Celery, whose task starts one. A row is refused unless each program was warm, or cold where it
says so, which the worker's own counters tell."""

import contextlib
import re
import statistics
import subprocess
import time
import urllib.request

import msgpack
import zmq

import peers
from measure import PYTHON, Kiln, place, pss_mib, row, version_of, wait_until

CODE = "print('hi')"
DENSE, SPARSE = 200, 20  # tasks of one round
EVERY_S = 0.1
CONCURRENCY = 8
TASKS, FEW = 800, 80  # of ours and of Celery's, in one round
IDLE_SLOTS = 8
COLD = {"PYTHONDONTWRITEBYTECODE": "1"}  # an interpreter reads it when it starts
COLD_RUNS = 20
NUMPY = "import numpy; print(numpy.arange(10).sum())"
NUMPY_RUNS = 20
FORKS, FALLBACKS = "kiln_warm_forks_total", "kiln_warm_fallbacks_total"


def metric(url, name):
    with urllib.request.urlopen(url + "/metrics", timeout=10) as page:
        text = page.read().decode()
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.M))


class WarmKiln(Kiln):
    """A broker, and a worker that is waited for until a program is warm."""

    def start_warm(self):
        self.process = self.start("worker", "--broker", self.workers, "--name", "bench", "--slots",
                                  str(self.slots), "--http", "127.0.0.1:0")
        self.url = "http://" + re.search(r"HTTP on http://([^/\s,]+)", self.line).group(1)
        def is_warm():
            before = metric(self.url, FORKS)
            super(WarmKiln, self).bench("latency", 1)
            return metric(self.url, FORKS) > before
        wait_until(is_warm, "a warm interpreter")
        wait_until(lambda: metric(self.url, "kiln_cells_ready") == self.slots, "cells that wait")

    @contextlib.contextmanager
    def counted(self, name, tasks):
        """Whatever is done in here starts that many programs of this kind."""
        before = metric(self.url, name)
        yield
        if (counted := metric(self.url, name) - before) != tasks:
            raise RuntimeError(f"{counted:g} of {tasks} tasks are in {name}")

    def bench(self, pattern, tasks, *more):
        with self.counted(FORKS, tasks):
            return super().bench(pattern, tasks, *more)


def bare_ms(count, code=CODE, every_s=0):
    """Start to end of that many interpreters, in milliseconds, sorted."""
    took = []
    for _ in range(count):
        time.sleep(every_s)
        begin = time.monotonic()
        subprocess.run([PYTHON, "-c", code], stdout=subprocess.DEVNULL, check=True)
        took.append(1000 * (time.monotonic() - begin))
    return sorted(took)


def p99(values):
    return values[min(len(values) - 1, int(len(values) * 0.99))]


def latency(rounds):
    ours, theirs, ours_p99, theirs_p99, sparse, theirs_sparse = ([] for _ in range(6))
    with place() as directory, WarmKiln(directory, noop=False) as kiln:
        kiln.start_warm()
        for _ in range(rounds):
            figures, bare = kiln.bench("latency", DENSE), bare_ms(DENSE // 2)
            ours.append(figures["p50_ms"])
            ours_p99.append(figures["p99_ms"])
            theirs.append(statistics.median(bare))
            theirs_p99.append(p99(bare))
            sparse.append(kiln.bench("sparse", SPARSE)["p50_ms"])
            theirs_sparse.append(statistics.median(bare_ms(SPARSE, every_s=EVERY_S)))
    note = (f"{CODE}; peer: {PYTHON} {version_of(PYTHON, '--version')} -c, forked by Python's subprocess; ours: "
            "end to end with a durable broker, forked from a warm interpreter into a cell of its own")
    yield row("warm_p50_vs_bare_python", "ms", ours, theirs, note)
    yield row("warm_p99_vs_bare_python", "ms", ours_p99, theirs_p99, note)
    yield row("warm_p50_vs_bare_python_sparse", "ms", sparse, theirs_sparse, note + "; one each 100 ms")


def throughput(rounds):
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(place())
        kiln = stack.enter_context(WarmKiln(directory, noop=False, slots=CONCURRENCY))
        kiln.start_warm()
        rate = stack.enter_context(peers.celery(directory))
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(kiln.bench("throughput", TASKS, CONCURRENCY)["tasks_per_second"])
            theirs.append(rate(FEW, CONCURRENCY, CODE))
    yield row("warm_throughput_vs_celery", "tasks/s", ours, theirs,
              f"{CODE}; peer: {peers.celery_version()}, 2 prefork workers, no sandbox, each task runs {PYTHON} -c; "
              f"ours: kiln bench, {CONCURRENCY} clients and slots; both: {CONCURRENCY} under way")


def run_ms(endpoint, code, count, env=None):
    """Submits and waits for that many, one after the other; milliseconds of each, sorted."""
    took = []
    with zmq.Context() as context, context.socket(zmq.REQ) as broker:
        broker.connect(endpoint)

        def ask(tag, **fields):
            broker.send(msgpack.packb({"v": 1, "t": tag, **fields}))
            return msgpack.unpackb(broker.recv())
        for _ in range(count):
            begin = time.monotonic()
            task = ask("submit", task={"language": "python", "code": code, "env": env or {}, "cache": False})["task"]
            result = ask("result", id=task["id"], wait_ms=60000)["result"]
            took.append(1000 * (time.monotonic() - begin))
            if result["verdict"] != "ok":
                raise RuntimeError(f"{code}: {result['verdict']}")
    return sorted(took)


def cold(rounds):
    with place() as directory, WarmKiln(directory, noop=False) as kiln:
        kiln.start_warm()
        ours, theirs = [], []
        for _ in range(rounds):
            with kiln.counted(FALLBACKS, COLD_RUNS):
                ours.append(statistics.median(run_ms(kiln.clients, CODE, COLD_RUNS, COLD)))
            theirs.append(statistics.median(bare_ms(COLD_RUNS)))
    yield row("python_cold_p50_vs_bare", "ms", ours, theirs,
              f"{CODE}; peer: {PYTHON} {version_of(PYTHON, '--version')} -c, forked by Python's subprocess; ours: "
              "end to end with a durable broker, an interpreter started in each program's cell")


def numpy(rounds):
    with place() as directory, WarmKiln(directory, noop=False) as kiln:
        kiln.start_warm()
        ours, theirs = [], []
        for _ in range(rounds):
            # The first makes the launcher keep cells of that image.
            run_ms(kiln.clients, NUMPY, kiln.slots)
            with kiln.counted(FORKS, NUMPY_RUNS):
                ours.append(statistics.median(run_ms(kiln.clients, NUMPY, NUMPY_RUNS)))
            theirs.append(statistics.median(bare_ms(NUMPY_RUNS // 2, NUMPY)))
    yield row("warm_numpy_vs_bare", "ms", ours, theirs,
              f"{NUMPY}; peer: {PYTHON} -c; ours: end to end, from the image that has numpy imported")


def idle(rounds):
    took = []
    for _ in range(rounds):
        with place() as directory, WarmKiln(directory, noop=False, slots=IDLE_SLOTS) as kiln:
            kiln.start_warm()
            took.append(pss_mib(kiln.process.pid))
    yield row("warm_idle_pss_mib", "MiB", took, None,
              f"PSS of worker, monitor, launcher, warm interpreter and {IDLE_SLOTS} cells that wait")


def rows(rounds):
    for part in (cold, latency, throughput, numpy, idle):
        yield from part(rounds)
