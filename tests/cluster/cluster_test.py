"""A broker and workers as real processes: right outputs, and nothing lost when one is killed."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness

PROGRAMS = 200


def submit_all(cluster, codes):
    """All in one command; their ids in order."""
    paths = []
    for i, code in enumerate(codes):
        paths.append(os.path.join(cluster.directory, f"{i}.py"))
        with open(paths[-1], "w", encoding="utf-8") as file:
            file.write(code)
    done = cluster.kiln("submit", *paths, "--no-cache", deadline=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def out_of(result):
    return result["out"]["bytes"]


def test_two_workers_run_200_programs_right():
    with harness.Cluster() as cluster:
        cluster.broker()
        cluster.worker("one")
        cluster.worker("two")
        ids = submit_all(cluster, [f"print({i} * {i})" for i in range(PROGRAMS)])
        assert len(set(ids)) == PROGRAMS
        results = [cluster.result(task) for task in ids]
    assert [out_of(r) for r in results] == [f"{i * i}\n" for i in range(PROGRAMS)]
    assert {r["verdict"] for r in results} == {"ok"}
    assert {r["task"]["worker"] for r in results} == {"one", "two"}


def test_a_killed_broker_loses_no_acknowledged_task():
    with harness.Cluster() as cluster:
        broker = cluster.broker()
        cluster.worker("one")
        codes = [f"import time; time.sleep(0.3); print({i})" for i in range(12)]
        ids = submit_all(cluster, codes)
        cluster.wait_for_state(ids[0], "running", "succeeded")
        assert cluster.status(ids[-1])["state"] == "queued"
        broker.kill()
        cluster.broker()
        results = [cluster.result(task) for task in ids]
        ends = [cluster.status(task)["state"] for task in ids]
    assert ends == ["succeeded"] * len(ids)
    assert [out_of(r) for r in results] == [f"{i}\n" for i in range(len(ids))]


def test_a_killed_workers_task_runs_elsewhere():
    with harness.Cluster() as cluster:
        cluster.broker()
        first = cluster.worker("first", slots=1)
        task = cluster.submit("import time; time.sleep(2); print('done')")
        cluster.wait_for_state(task, "running")
        cluster.worker("second", slots=1)
        first.kill()
        result = cluster.result(task)
    assert out_of(result) == "done\n"
    assert result["task"]["worker"] == "second"
    assert result["task"]["attempt"] == 2


def test_cancel_queued_and_running():
    with harness.Cluster() as cluster:
        cluster.serve("--slots", "1")
        running = cluster.submit("while True: pass")
        queued = cluster.submit("print('never')")
        cluster.wait_for_state(running, "running")
        for task in (queued, running):
            done = cluster.kiln("cancel", task, "--json")
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["state"] == "cancelled"
        # The slot is free again.
        assert out_of(cluster.result(cluster.submit("print('next')"))) == "next\n"


def test_ctrl_c_cancels_the_task():
    with harness.Cluster() as cluster:
        cluster.serve("--slots", "1")
        run = subprocess.Popen(
            [harness.KILN, "run", "-", "--language", "python", "--broker", cluster.clients],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            run.stdin.write(b"print('begun', flush=True)\nwhile True: pass\n")
            run.stdin.close()
            assert run.stdout.readline() == b"begun\n"
            run.send_signal(2)
            assert run.wait(harness.DEADLINE) == 130
        finally:
            run.kill()
            run.wait()
            run.stdout.close()
            run.stderr.close()
