"""The peers, each as its users run it, started here on loopback and ended here."""

import concurrent.futures
import contextlib
import os
import socket
import subprocess
import sys
import time

from measure import PYTHON, service, version_of, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = 8  # of beanstalkd's clients, each with one job at a time
WINDOW = 256  # of Celery's client: tasks under way at once


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(port):
    def connects():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False
    wait_until(connects, f"port {port}")


# --- beanstalkd, with a binlog that is synchronized at each write


@contextlib.contextmanager
def beanstalkd(directory):
    """Yields a function: tasks -> tasks a second, each put, reserved and deleted."""
    binlog = os.path.join(directory, "binlog")
    os.mkdir(binlog)
    port = free_port()
    with service(["beanstalkd", "-l", "127.0.0.1", "-p", str(port), "-b", binlog, "-f", "0"]):
        answers(port)
        yield lambda tasks: beanstalkd_rate(port, tasks)


def beanstalkd_client(port, tasks):
    """How many jobs it has put, reserved and deleted."""
    with socket.create_connection(("127.0.0.1", port)) as link, link.makefile("rwb") as file:
        def ask(line, wanted):
            file.write(line)
            file.flush()
            answer = file.readline()
            if not answer.startswith(wanted):
                raise RuntimeError(f"beanstalkd says {answer!r}")
            return answer
        for _ in range(tasks):
            ask(b"put 5 0 120 1\r\n-\r\n", b"INSERTED")
            job = ask(b"reserve\r\n", b"RESERVED").split()[1]
            file.readline()
            ask(b"delete " + job + b"\r\n", b"DELETED")
    return tasks


def beanstalkd_rate(port, tasks):
    """A client that fails is an error here, not a rate that looks better."""
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        clients = [pool.submit(beanstalkd_client, port, tasks // CONNECTIONS)
                   for _ in range(CONNECTIONS)]
        done = sum(client.result() for client in clients)
    return done / (time.monotonic() - begin)


# --- Celery with Redis: two prefork workers


@contextlib.contextmanager
def celery(directory):
    """Yields a function: tasks -> tasks a second, each sent, run and its result fetched; with code each
    runs a python3 with that, without it nothing."""
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    env = {**os.environ, "KILN_BENCH_REDIS": url, "PYTHONPATH": HERE}
    # Debian's server binary, under the name that it also has.
    redis = service(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", directory,
                     "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""],
                    executable="/usr/bin/redis-check-rdb", stdout=subprocess.DEVNULL)
    with redis:
        answers(port)
        worker = service([PYTHON, "-m", "celery", "-A", "celery_peer", "worker", "--concurrency", "2",
                          "--pool", "prefork", "--loglevel", "ERROR"], env=env, cwd=directory,
                         stdout=subprocess.DEVNULL)
        with worker:
            def rate(tasks, window=WINDOW, code=None):
                done = subprocess.run([PYTHON, os.path.join(HERE, "celery_peer.py"), str(tasks),
                                       str(window), *([code] if code else [])], env=env,
                                      capture_output=True, text=True, check=False)
                if done.returncode != 0:
                    raise RuntimeError(done.stderr)
                return float(done.stdout)
            rate(8)  # its workers are there now
            yield rate


def beanstalkd_version():
    return "beanstalkd " + version_of("beanstalkd", "-v")


def celery_version():
    return "Celery " + version_of(PYTHON, "-m", "celery", "--version") + ", Redis " + version_of(
        "redis-cli", "--version")


if __name__ == "__main__":
    sys.exit("this is a part of bench/run.py")
