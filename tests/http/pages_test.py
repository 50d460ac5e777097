"""/metrics, /healthz and /readyz of live brokers and workers: the page docs/metrics.md is what is
exposed, health is the truth, and nobody without the token or with bad input gets in the way."""

import http.client
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
import harness
import store_faults_test as small
import wire

FAILURE, USAGE = 125, 2
OWN_PORT = "127.0.0.1:0"
EXECUTION_FIELDS = ["time", "level", "message", "task_id", "code_hash", "success", "execution_time_ms",
                    "memory_used_mb", "retry_count", "worker_id"]
SCRAPES = 20
MOST_MEDIAN_SECONDS = 0.25  # a guard, far above what it takes


def port_of(service):
    return int(re.search(r"HTTP on http://[^\s,]*:(\d+)", service.line).group(1))


def get(port, path, method="GET", headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.DEADLINE)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def worker_with_pages(cluster, *more):
    return cluster.start("worker", ["worker", "--broker", cluster.workers, "--name", "oven-1", "--slots",
                                     "2", "--http", OWN_PORT, *more])


def exposed(text):
    """Name -> (type, label names), of one scrape."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    found = {}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        family = family if types.get(family) == "histogram" else name
        names = set(re.findall(r'(\w+)="', labels)) - {"le"}
        kind, known = found.setdefault(family, (types[family], names))
        assert known == names, f"{family} has series with {known} and {names}"
    return found


def documented(where):
    with open(os.path.join(harness.SOURCE, "docs", "metrics.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| `(kiln_\w+)` \| (\w+) \| (\w+) \|([^|]*)\|", file.read(), re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels)))
            for name, kind, of, labels in rows if of in (where, "both")}


def load(cluster):
    """Something of everything: an end that is good, one that is not, a retry, one that nobody can run."""
    ok = cluster.submit("print(1)")
    bad = cluster.submit("raise SystemExit(3)")
    again = cluster.submit("raise SystemExit(3)", "--retry-on", "nonzero_exit", "--max-retries", "1",
                           "--retry-delay", "0.1")
    for task in (ok, bad, again):
        cluster.result(task)
    cluster.submit("print(2)", "--queue", "old")
    return ok, bad, again


@pytest.fixture(name="loaded", scope="module")
def fixture_loaded():
    with harness.Cluster() as cluster:
        cluster.broker_service = cluster.broker()
        cluster.worker_service = worker_with_pages(cluster, "--queue", "default")
        cluster.tasks = load(cluster)
        harness.wait_until(lambda: value(scrape(cluster), 'kiln_tasks_finished_total{queue="default",'
                                         'state="dead",verdict="nonzero_exit"}') == 1, "the last end")
        yield cluster


def scrape(cluster):
    return get(port_of(cluster.broker_service), "/metrics")[1]


def value(text, series):
    found = re.search("^" + re.escape(series) + r" (\S+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else None


def test_the_page_is_what_is_exposed(loaded):
    assert exposed(scrape(loaded)) == documented("broker")
    assert exposed(get(port_of(loaded.worker_service), "/metrics")[1]) == documented("worker")


@pytest.mark.parametrize("which", ["broker_service", "worker_service"])
def test_promtool_finds_nothing(loaded, which):
    text = get(port_of(getattr(loaded, which)), "/metrics")[1]
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True,
                          timeout=harness.DEADLINE, check=False)
    assert done.returncode == 0 and not done.stdout + done.stderr


def test_the_counts_are_those_of_the_load(loaded):
    text = scrape(loaded)
    ends = 'kiln_tasks_finished_total{queue="default",state="%s",verdict="%s"}'
    assert value(text, ends % ("succeeded", "ok")) == 1
    assert value(text, ends % ("failed", "nonzero_exit")) == 1
    assert value(text, 'kiln_task_retries_total{queue="default",reason="nonzero_exit"}') == 1
    assert value(text, 'kiln_task_run_seconds_count{verdict="nonzero_exit"}') == 3
    assert value(text, 'kiln_task_queue_wait_seconds_count{queue="default"}') == 4
    assert value(text, 'kiln_tasks_unservable{language="python",queue="old"}') == 1
    assert value(text, 'kiln_queue_depth{queue="old",state="queued"}') == 1
    assert value(text, 'kiln_queue_oldest_task_age_seconds{queue="old"}') > 0
    assert value(text, 'kiln_worker_up{worker="oven-1"}') == 1


def test_one_execution_line_for_each_attempt(loaded):
    lines = [line for line in map(json.loads, loaded.broker_service.log().splitlines())
             if line["message"] == "execution"]
    assert len(lines) == 4
    assert all(list(line) == EXECUTION_FIELDS for line in lines)
    _, _, again = loaded.tasks
    assert [(line["retry_count"], line["success"]) for line in lines if line["task_id"] == again] == \
        [(0, False), (1, False)]
    assert all(line["worker_id"] == "oven-1" and line["memory_used_mb"] > 0 for line in lines)


def test_a_scrape_is_quick(loaded, capsys):
    took = []
    for _ in range(SCRAPES):
        begin = time.monotonic()
        scrape(loaded)
        took.append(time.monotonic() - begin)
    with capsys.disabled():
        print(f"\nscrape: median {1000 * statistics.median(took):.1f} ms of {SCRAPES}")
    assert statistics.median(took) < MOST_MEDIAN_SECONDS


def test_methods_paths_and_hosts(loaded):
    port = port_of(loaded.broker_service)
    assert get(port, "/healthz") == (200, "alive\n")
    assert get(port, "/readyz?x=1") == (200, "ready\n")
    assert get(port, "/metrics", "HEAD") == (200, "")
    assert get(port, "/nothing")[0] == 404
    assert get(port, "/metrics", "DELETE")[0] == 405
    assert get(port, "/metrics", "POST", body="x" * 100)[0] == 413
    assert get(port, "/metrics", headers={"Host": "evil.example:8080"})[0] == 421
    assert get(port, "/metrics", headers={"Host": "localhost"})[0] == 200
    assert get(port, "/metrics", headers={"X": "y" * 20_000})[0] == 431


def raw(port, *pieces):
    """What the server says to these bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", port), harness.DEADLINE) as peer:
        for piece in pieces:
            peer.sendall(piece)
        answer = b""
        while piece := peer.recv(65_536):
            answer += piece
        return answer


def test_bad_input_ends_its_own_connection_only(loaded):
    port = port_of(loaded.broker_service)
    assert raw(port, b"\x00\xff\x16\x03\x01 nonsense\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert raw(port, b"GET / HTTP/9.9\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert raw(port, b"GET /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
               b"5\r\nhello\r\n0\r\n\r\n").split(b" ")[1] in (b"400", b"413")
    two = raw(port, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
              b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert two.count(b"alive\n") == 2, "a connection is kept for the next request"
    assert get(port, "/healthz")[0] == 200


def test_a_slow_client_is_cut_off(loaded):
    port = port_of(loaded.broker_service)
    with socket.create_connection(("127.0.0.1", port), harness.DEADLINE) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\n")
        slow.settimeout(0.5)
        begin = time.monotonic()
        closed = False
        while not closed and time.monotonic() < begin + harness.DEADLINE:
            try:
                slow.sendall(b"X: y\r\n")
                closed = slow.recv(1) == b""
            except socket.timeout:
                pass
            except OSError:
                closed = True
        assert closed and time.monotonic() - begin < 15


def test_too_many_connections_are_closed(loaded):
    port = port_of(loaded.broker_service)
    peers = [socket.create_connection(("127.0.0.1", port), harness.DEADLINE) for _ in range(70)]
    try:
        peers[-1].settimeout(harness.DEADLINE)
        assert peers[-1].recv(1) == b""
    finally:
        for peer in peers:
            peer.close()

    def works():
        try:
            return get(port, "/healthz")[0] == 200
        except OSError:
            return False
    harness.wait_until(works, "the server to take connections again")


@pytest.fixture(name="token")
def fixture_token(tmp_path):
    path = tmp_path / "metrics.token"
    path.write_text("0123456789abcdef-secret\n", encoding="utf-8")
    return str(path)


def test_outside_loopback_only_with_a_token_or_a_word(token):
    with harness.Cluster() as cluster:
        arguments = ["broker", "--data", cluster.data, "--clients", harness.ANY_PORT, "--workers",
                     harness.ANY_PORT, "--http", "0.0.0.0:0"]
        done = harness.kiln(*arguments)
        assert done.returncode == USAGE and "--metrics-token-file" in done.stderr
        service = cluster.start("broker", [*arguments, "--metrics-token-file", token])
        port = port_of(service)
        assert get(port, "/metrics")[0] == 401
        for wrong in ("Bearer 0123456789abcdef-secreT", "Bearer", "Basic x", "Bearer 0123456789abcdef"):
            assert get(port, "/metrics", headers={"Authorization": wrong})[0] == 401
        right = {"Authorization": "Bearer 0123456789abcdef-secret", "Host": "kiln.example"}
        assert get(port, "/metrics", headers=right)[0] == 200
        assert get(port, "/readyz")[0] == 200
        service.end()
        service = cluster.start("broker", [*arguments, "--insecure"])
        assert get(port_of(service), "/metrics", headers={"Host": "kiln.example"})[0] == 200


def test_what_is_no_token_and_no_address(tmp_path):
    short = tmp_path / "short"
    short.write_text("abc\n", encoding="utf-8")
    done = harness.kiln("broker", "--metrics-token-file", str(short))
    assert done.returncode == USAGE and "openssl rand" in done.stderr
    for address in ("8080", "localhost:8080", "127.0.0.1:99999", "127.0.0.1:", "::1:80"):
        done = harness.kiln("broker", "--http", address)
        assert done.returncode == USAGE and "--http" in done.stderr + "--http", address
        assert address in done.stderr


@pytest.mark.parametrize("command", ["broker", "serve"])
def test_a_busy_port_is_one_clear_line(command):
    with harness.Cluster() as cluster, socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = harness.kiln(command, "--data", cluster.data, "--clients", harness.ANY_PORT, "--workers",
                            harness.ANY_PORT, "--http", where)
        assert done.returncode == FAILURE and done.stdout == ""
        [line] = [one for one in done.stderr.splitlines() if where in one]
        assert "in use" in line and "--http off" in done.stderr


def test_off_means_off():
    with harness.Cluster() as cluster:
        assert "HTTP on off" in cluster.broker("--http", "off").line


def test_a_worker_is_ready_while_a_broker_welcomes_it_and_its_launcher_lives():
    with harness.Cluster() as cluster:
        broker = cluster.broker()
        worker = worker_with_pages(cluster)
        port = port_of(worker)
        harness.wait_until(lambda: get(port, "/readyz")[0] == 200, "the worker to be ready")
        broker.kill()
        harness.wait_until(lambda: get(port, "/readyz")[0] == 503, "the worker to miss its broker")
        assert "broker: " in get(port, "/readyz")[1] and get(port, "/healthz")[0] == 200
        cluster.broker()
        harness.wait_until(lambda: get(port, "/readyz")[0] == 200, "the worker to be ready again")
        [monitor] = [pid for pid in harness.children_of(worker.process.pid)
                     if "monitor" in harness.name_of(pid)]
        os.kill(monitor, signal.SIGKILL)
        harness.wait_until(lambda: "launcher: it is down" in get(port, "/readyz")[1],
                           "the worker to miss its launcher")


def test_a_broker_whose_disk_is_full_is_not_ready():
    with harness.Cluster() as cluster, small.small_disk(cluster.directory) as disk:
        cluster.data = os.path.join(disk, "data")
        broker = cluster.broker()
        try:
            port = port_of(broker)
            assert get(port, "/readyz") == (200, "ready\n")
            with small.LedgerClient(cluster.clients, os.path.join(cluster.directory, "ledger")) as client:
                small.submit_until_refused(client)
            status, text = get(port, "/readyz")
            assert status == 503 and "store: " in text
            assert get(port, "/metrics")[0] == 200
        finally:
            broker.end()
