"""What people do with tasks, queues and workers, by the commands, on a real broker and worker."""

import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
import harness

QUICK_DEATH = ("--retry-on", "nonzero_exit", "--max-retries", "1", "--retry-delay", "0.05")


def ok(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def json_of(done):
    return json.loads(ok(done))


def test_a_paused_queue_starts_nothing():
    with harness.Cluster() as cluster:
        cluster.serve()
        assert "paused" in ok(cluster.kiln("queues", "pause", "default"))
        task = cluster.submit("print(1)")
        status = cluster.status(task)
        assert (status["state"], status["waiting"]) == ("queued", "its queue is paused")
        listed = json_of(cluster.kiln("queues", "--json"))["queues"]
        assert [q["paused"] for q in listed if q["queue"] == "default"] == [True]
        ok(cluster.kiln("queues", "resume", "default"))
        assert cluster.result(task)["out"]["bytes"] == "1\n"


def test_purge_cancels_what_waits():
    with harness.Cluster() as cluster:
        cluster.serve()
        ok(cluster.kiln("queues", "pause", "default"))
        tasks = [cluster.submit(f"print({n})") for n in range(3)]
        assert ok(cluster.kiln("queues", "purge", "default")) == "3 tasks cancelled\n"
        assert {cluster.status(task)["state"] for task in tasks} == {"cancelled"}
        assert len(json_of(cluster.kiln("list", "--state", "cancelled", "--json"))["tasks"]) == 3


def test_dead_letters_from_death_to_purge():
    with harness.Cluster() as cluster:
        alerts = os.path.join(cluster.directory, "alerts")
        with open(alerts, "w", encoding="utf-8"):
            os.chmod(alerts, 0o666)  # the broker writes it as its own user
        cluster.serve("--alert-command", f"cat >> {alerts}")
        task = cluster.submit("print('last words')\nraise SystemExit(3)", *QUICK_DEATH)
        dead = cluster.wait_for_state(task, "dead")
        assert (dead["attempt"], dead["verdict"]) == (2, "nonzero_exit")
        shown = json_of(cluster.kiln("dead-letters", "show", task, "--json"))
        assert shown["result"]["out"]["bytes"] == "last words\n"
        assert [e["state"] for e in shown["history"]] == ["queued", "retrying", "dead"]
        assert task in ok(cluster.kiln("dead-letters", "list"))
        harness.wait_until(lambda: open(alerts, encoding="utf-8").read(), "the alert")
        alert = json.loads(open(alerts, encoding="utf-8").readline())
        assert (alert["task"], alert["verdict"]) == (task, "nonzero_exit")

        dry = json_of(cluster.kiln("dead-letters", "requeue", "--all", "--dry-run", "--json"))
        assert (dry["count"], dry["tasks"][0]["id"]) == (1, task)
        anew = json_of(cluster.kiln("dead-letters", "requeue", "--all", "--json"))["tasks"]
        assert [t["origin"] for t in anew] == [task]
        assert cluster.status(task)["requeued_as"] == anew[0]["id"]
        cluster.wait_for_state(anew[0]["id"], "dead")
        again = cluster.kiln("dead-letters", "requeue", task)
        assert again.returncode == 2 and anew[0]["id"] in again.stderr
        assert ok(cluster.kiln("dead-letters", "purge", "--all")) == "1 dead letters deleted\n"
        assert cluster.kiln("status", anew[0]["id"]).returncode == 2
        queues = json_of(cluster.kiln("queues", "--json"))["queues"]
        assert all(q["dead_letters"] == 0 for q in queues)


def test_bulk_needs_a_choice():
    with harness.Cluster() as cluster:
        cluster.serve()
        done = cluster.kiln("dead-letters", "purge")
        assert done.returncode == 2 and "--all" in done.stderr


def test_retry_of_what_ended_and_of_what_waits():
    with harness.Cluster() as cluster:
        cluster.serve()
        failed = cluster.submit("raise SystemExit(5)")
        cluster.wait_for_state(failed, "failed")
        anew = ok(cluster.kiln("retry", failed)).strip()
        assert cluster.wait_for_state(anew, "failed")["origin"] == failed
        waiting = cluster.submit("raise SystemExit(5)", "--retry-on", "nonzero_exit",
                                 "--retry-delay", "500", "--max-retries", "1")
        cluster.wait_for_state(waiting, "retrying")
        ok(cluster.kiln("retry", waiting))
        assert cluster.wait_for_state(waiting, "dead")["attempt"] == 2
        done = cluster.submit("pass")
        cluster.wait_for_state(done, "succeeded")
        refused = cluster.kiln("retry", done)
        assert refused.returncode == 2 and "succeeded" in refused.stderr


def test_a_queue_sets_what_its_tasks_leave_open():
    with harness.Cluster() as cluster:
        cluster.serve()
        ok(cluster.kiln("queues", "set", "default", "--max-retries", "1", "--retry-delay", "0.05",
                        "--retry-on", "nonzero_exit"))
        assert cluster.wait_for_state(cluster.submit("raise SystemExit(5)"), "dead")["attempt"] == 2


def test_workers_ping_and_drain():
    with harness.Cluster() as cluster:
        cluster.broker()
        first = cluster.worker("oven-1")
        cluster.worker("oven-2")
        for name in ("oven-1", "oven-2"):
            pinged = json_of(cluster.kiln("workers", "ping", name, "--json"))["workers"]
            assert [w["name"] for w in pinged] == [name]
        ok(cluster.kiln("workers", "drain", "oven-1"))
        assert first.process.wait(harness.DEADLINE) == 0
        assert cluster.result(cluster.submit("print(1)"))["task"]["worker"] == "oven-2"
        assert cluster.kiln("workers", "ping", "oven-1").returncode == 2


def test_logs_follow_to_the_end_with_its_exit_code():
    with harness.Cluster() as cluster:
        cluster.serve()
        task = cluster.submit("print('begun', flush=True)\ninput()\n")
        cluster.wait_for_state(task, "failed")  # no input: an EOFError
        done = cluster.kiln("logs", task, "-f")
        assert (done.returncode, done.stdout) == (1, "begun\n")
        assert "EOFError" in done.stderr

        endless = cluster.submit("import itertools\nprint('begun', flush=True)\n"
                                 "for _ in itertools.count(): pass\n")
        cluster.wait_for_state(endless, "running")
        watchers = [subprocess.Popen([harness.KILN, "logs", endless, "-f", "--broker",
                                      cluster.clients], stdout=subprocess.PIPE, text=True)
                    for _ in range(3)]
        for watcher in watchers:
            assert watcher.stdout.readline() == "begun\n"
        assert cluster.kiln("logs", endless).stdout == "begun\n"
        ok(cluster.kiln("cancel", endless))
        for watcher in watchers:
            assert watcher.wait(harness.DEADLINE) == 130
            watcher.stdout.close()


def test_history_tells_each_attempt():
    with harness.Cluster() as cluster:
        cluster.serve()
        task = cluster.submit("raise SystemExit(3)", *QUICK_DEATH)
        cluster.wait_for_state(task, "dead")
        history = json_of(cluster.kiln("status", task, "--history", "--json"))["history"]
        assert [(e["state"], e.get("attempt", 0)) for e in history] == [
            ("queued", 0), ("retrying", 1), ("dead", 2)]
        assert "retry: nonzero_exit" in ok(cluster.kiln("status", task, "--history"))


def test_scheduled_and_expired():
    with harness.Cluster() as cluster:
        cluster.serve()
        later = cluster.submit("print(1)", "--countdown", "0.5")
        assert cluster.status(later)["state"] == "scheduled"
        cluster.wait_for_state(later, "succeeded")
        ok(cluster.kiln("queues", "pause", "default"))
        hasty = cluster.submit("print(1)", "--expires-in", "0.2")
        cluster.wait_for_state(hasty, "expired")


def test_equal_work_is_answered_from_the_cache():
    with harness.Cluster() as cluster:
        cluster.serve()
        first = ok(cluster.kiln("submit", "-", "--language", "python", stdin="print(6*7)")).strip()
        cluster.wait_for_state(first, "succeeded")
        second = ok(cluster.kiln("submit", "-", "--language", "python", stdin="print(6*7)")).strip()
        result = cluster.result(second)
        assert (result["out"]["bytes"], result["task"]["result_of"]) == ("42\n", first)
        assert result["task"]["attempt"] == 0


def test_a_second_signal_ends_a_worker_without_waiting():
    with harness.Cluster() as cluster:
        cluster.broker()
        first = cluster.worker("oven-1")
        endless = cluster.submit("import itertools\nfor _ in itertools.count(): pass")
        cluster.wait_for_state(endless, "running")
        first.process.send_signal(signal.SIGTERM)
        harness.wait_until(lambda: "draining" in first.log(), "the drain")
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(10) == 0
        cluster.worker("oven-2")
        harness.wait_until(lambda: cluster.status(endless).get("worker") == "oven-2",
                           "the task to run elsewhere")
        ok(cluster.kiln("cancel", endless))
