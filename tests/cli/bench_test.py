"""kiln bench: what it reports is what ran, and it refuses to report anything else."""

import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
import harness

INTERRUPTED = 130
FAILURE = 125


def bench(*arguments, **more):
    done = harness.kiln("bench", *arguments, "--json", **more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_pattern_with_a_broker_and_worker_of_its_own():
    for pattern in ("throughput", "latency", "sparse", "rate"):
        figures = bench(pattern, "--noop", "--tasks", "12", "--rate", "100")
        assert figures["pattern"] == pattern
        assert figures["tasks"] == figures["cells"] == 12
        assert 0 < figures["p50_ms"] <= figures["p90_ms"] <= figures["p99_ms"] <= figures["max_ms"]
        if pattern == "sparse":
            assert figures["seconds"] > 1.0, "eleven pauses of 100 ms"


def test_clients_with_many_tasks_under_way():
    """More than the socket takes at once: 500 tasks of one client are 1,000 requests."""
    figures = bench("--noop", "--tasks", "1200", "--clients", "2", "--window", "500")
    assert (figures["clients"], figures["window"], figures["cells"]) == (2, 500, 1200)


def test_real_programs_run_in_cells():
    figures = bench("--tasks", "8", "--clients", "2")
    assert (figures["language"], figures["cells"]) == ("python", 8)


def test_a_running_cluster_whose_store_knows_of_each_task():
    with harness.Cluster() as cluster:
        cluster.broker()
        cluster.start("noop", ["worker", "--noop", "--broker", cluster.workers, "--name", "n"])
        figures = bench("--noop", "--tasks", "50", env={"KILN_BROKER": cluster.clients})
        assert figures["broker"] == cluster.clients
        listed = json.loads(cluster.kiln("list", "--limit", "1000", "--json").stdout)["tasks"]
    assert len(listed) == 50
    assert {t["language"] for t in listed} == {"noop"}
    assert {t["state"] for t in listed} == {"succeeded"}


def test_it_reports_no_run_in_which_tasks_failed():
    """A queue that is purged under it: tasks that were cancelled are no measurement."""
    with harness.Cluster() as cluster:
        cluster.broker()  # and no worker: the tasks wait
        process = subprocess.Popen(
            [harness.KILN, "bench", "--noop", "--tasks", "5", "--broker", cluster.clients],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            harness.wait_until(
                lambda: json.loads(cluster.kiln("list", "--json").stdout)["tasks"], "a task")
            cluster.kiln("queues", "pause", "default")
            cluster.kiln("queues", "purge", "default")
            out, err = process.communicate(timeout=harness.DEADLINE)
        finally:
            process.kill()
    assert process.returncode == FAILURE
    assert out == ""
    assert "not what was to be measured" in err


def test_an_interrupt_ends_it_and_all_it_started():
    process = subprocess.Popen([harness.KILN, "bench", "--noop", "--tasks", "1000000"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        harness.wait_until(lambda: len(os.listdir(f"/proc/{process.pid}/task")) > 10, "its threads")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=harness.DEADLINE)
    finally:
        process.kill()
    assert process.returncode == INTERRUPTED
    assert out == ""
