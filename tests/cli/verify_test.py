"""kiln verify, on the store of a real broker: clean after its work, and each damage found."""

import contextlib
import json
import os
import shutil
import sqlite3
import sys
import uuid

import pytest

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
import harness

FOUND, USAGE, FAILURE = 1, 2, 125
UNKNOWN = "01900000-0000-7000-8000-000000000000"


def verify(data, *more):
    return harness.kiln("verify", "--data", str(data), *more)


def report_of(data, *more):
    done = verify(data, "--json", *more)
    assert done.returncode in (0, FOUND), done.stderr
    report = json.loads(done.stdout)
    found = sum(report[k] for k in ("lost", "doubled", "stuck", "impossible", "no_result",
                                        "no_blob", "damaged"))
    assert done.returncode == (FOUND if found else 0)
    assert len(report["findings"]) == min(found, 100)
    return report


def write_ledger(path, *lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return ("--ledger", str(path))


class Work:
    """What a broker leaves behind: one task of each way to end, and what clients saw of them."""

    def __init__(self, cluster):
        cluster.serve("--slots", "2")
        self.cluster = cluster
        self.succeeded = cluster.submit("print('once')", "--id", str(uuid.uuid4()))
        self.failed = cluster.submit("raise SystemExit(3)")
        self.dead = cluster.submit("raise SystemExit(3)", "--retry-on", "nonzero_exit",
                                   "--max-retries", "1", "--retry-delay", "0.01")
        self.cancelled = cluster.submit("print(1)", "--countdown", "3600")
        assert cluster.kiln("cancel", self.cancelled).returncode == 0
        first = cluster.kiln("submit", "-", "--language", "python", stdin="print('equal')")
        self.shown = first.stdout.strip()
        self.ends = {t: self.end_of(t) for t in (self.succeeded, self.failed, self.dead, self.shown)}
        again = cluster.kiln("submit", "-", "--language", "python", stdin="print('equal')")
        self.cached = again.stdout.strip()
        self.ends[self.cached] = self.end_of(self.cached)
        self.ends[self.cancelled] = cluster.status(self.cancelled)
        self.waiting = cluster.submit("print(1)", "--countdown", "3600")

    def end_of(self, task):
        return self.cluster.result(task)["task"]

    def ledger(self):
        for task in (*self.ends, self.waiting):
            yield {"id": task, "event": "acknowledged"}
        for task, end in self.ends.items():
            yield {"id": task, "event": "ended", "state": end["state"], "verdict": end["verdict"]}


@pytest.fixture(scope="module")
def work():
    with harness.Cluster() as cluster:
        yield Work(cluster)


@pytest.fixture(scope="module")
def stopped(work):
    """The same, its broker stopped."""
    work.cluster.services[0].end()
    return work


@pytest.fixture
def data(stopped, tmp_path):
    """A copy, to be damaged."""
    return shutil.copytree(stopped.cluster.data, tmp_path / "data")


def change(data, sql, *values):
    with contextlib.closing(sqlite3.connect(data / "kiln.db")) as database, database:
        assert database.execute(sql, values).rowcount > 0, sql


def blob(task):
    return uuid.UUID(task).bytes


def change_task(data, task, settings, *values):
    change(data, f"UPDATE tasks SET {settings} WHERE id = ?", *values, blob(task))


def test_a_store_in_use_is_clean(work, tmp_path):
    report = report_of(work.cluster.data, *write_ledger(tmp_path / "ledger", *work.ledger()))
    assert report["findings"] == []
    assert report["tasks"] == report["ledger"] == 7
    assert report["events"] >= 7


def test_what_has_not_ended_is_stuck_if_all_should_have(stopped, tmp_path):
    assert report_of(stopped.cluster.data)["stuck"] == 0
    report = report_of(stopped.cluster.data, "--all-ended",
                       *write_ledger(tmp_path / "ledger", *stopped.ledger()))
    assert report["stuck"] == 1
    assert report["findings"] == [
        {"kind": "stuck", "id": stopped.waiting, "text": "it is still scheduled"}]


def test_a_stopped_brokers_directory_stays_its_own(stopped):
    """Reading as root leaves no file that the broker's own user could not open afterwards."""
    owner = os.stat(os.path.join(stopped.cluster.data, "kiln.db")).st_uid
    report_of(stopped.cluster.data)
    for name in os.listdir(stopped.cluster.data):
        assert os.stat(os.path.join(stopped.cluster.data, name)).st_uid == owner, name
    stopped.cluster.broker()
    assert stopped.cluster.status(stopped.waiting)["state"] == "scheduled"
    stopped.cluster.services[-1].end()


def only_finding(report, kind, task, text):
    assert [(f["kind"], f.get("id"), f["text"]) for f in report["findings"]] == [(kind, task, text)]
    assert report[kind] == 1


def test_lost(data, tmp_path):
    ledger = write_ledger(tmp_path / "ledger", {"id": UNKNOWN, "event": "acknowledged"})
    only_finding(report_of(data, *ledger), "lost", UNKNOWN, "it was acknowledged, but is not stored")


def test_doubled_by_what_clients_saw(stopped, data, tmp_path):
    end = {"id": stopped.succeeded, "event": "ended"}
    ledger = write_ledger(tmp_path / "ledger", {**end, "state": "succeeded", "verdict": "ok"},
                          {**end, "state": "failed", "verdict": "nonzero_exit"})
    report = report_of(data, *ledger)
    assert report["doubled"] == 2
    assert {f["text"] for f in report["findings"]} == {
        "a client saw it end as failed (nonzero_exit), but it is succeeded (ok)",
        "clients saw two ends: succeeded (ok) and failed (nonzero_exit)"}


@pytest.mark.parametrize(("end", "settings", "kind", "text"), [
    ("succeeded", "state = 'failed'", "doubled",
     "it ended as succeeded by its history, but is failed"),
    ("failed", "verdict = 'signaled'", "doubled",
     "it ended with nonzero_exit by its history, but has signaled"),
    ("waiting", "state = 'joined'", "stuck", "it is joined, but has no leader"),
    ("dead", "retries_used = 0", "impossible", "it is dead with attempt 2, 0 retries used and 0 losses"),
    ("succeeded", "attempt = 5", "impossible",
     "it is succeeded with attempt 5, 0 retries used and 0 losses"),
    ("succeeded", "result_bytes = 1", "no_result", None),
    ("waiting", "state = 'resting'", "damaged", None),
])
def test_a_changed_row(stopped, data, end, settings, kind, text):
    change_task(data, getattr(stopped, end), settings)
    report = report_of(data)
    assert report[kind] >= 1, report
    assert text is None or text in [f["text"] for f in report["findings"]], report


def test_a_running_task_without_a_lease_and_a_leader_that_ended(stopped, data):
    change_task(data, stopped.waiting, "state = 'running', attempt = 1")
    assert "it is running, but under no lease" in [f["text"] for f in report_of(data)["findings"]]
    change_task(data, stopped.waiting, "state = 'joined', attempt = 0, leader = ?",
                blob(stopped.failed))
    only_finding(report_of(data), "stuck", stopped.waiting,
                 f"its leader {stopped.failed} is failed")


def test_a_second_end_and_a_step_out_of_an_end(stopped, data):
    seq = "(SELECT seq FROM tasks WHERE id = ?)"
    add = f"INSERT INTO events SELECT {seq}, ?, 1, ?, 1, 'nonzero_exit', '', ''"
    change(data, add, blob(stopped.failed), 2, "failed")
    only_finding(report_of(data), "doubled", stopped.failed,
                 "its history has two ends: failed, then failed")
    change(data, f"DELETE FROM events WHERE number = 2 AND seq = {seq}", blob(stopped.failed))
    change(data, add, blob(stopped.failed), 2, "queued")
    assert "its history goes from failed to queued" in [
        f["text"] for f in report_of(data)["findings"]]


def test_a_result_that_is_not_there(stopped, data):
    change(data, "DELETE FROM results WHERE seq = (SELECT seq FROM tasks WHERE id = ?)",
           blob(stopped.shown))
    report = report_of(data)
    assert report["no_result"] == 2, report  # its own, and that of the one it was shown to
    change_task(data, stopped.cached, "result_of = ?", blob(UNKNOWN))
    assert f"its result is that of {UNKNOWN}, which is not stored" in [
        f["text"] for f in report_of(data)["findings"]]


def test_parts_of_no_task(stopped, data):
    change(data, "DELETE FROM tasks WHERE id = ?", blob(stopped.failed))
    report = report_of(data)
    assert report["damaged"] == 1, report
    assert "belongs to no task" in report["findings"][0]["text"]


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x40]))


def test_a_flipped_bit_in_a_page(data):
    flip(data / "kiln.db", 4096 * 2 + 4)  # how many cells the third page has
    report = report_of(data)
    assert report["damaged"] >= 1
    assert report["tasks"] == 0, "a damaged file is not read any further"


@pytest.mark.parametrize("size", [0, 50, 4096, 10_000])
def test_a_file_that_was_cut_off(data, size):
    os.truncate(data / "kiln.db", size)
    done = verify(data)
    assert done.returncode in (FOUND, FAILURE), done.stdout
    assert done.returncode == FOUND or "Traceback" not in done.stderr
    told = done.stdout + done.stderr
    assert any(word in told for word in ("damaged", "malformed", "empty", "not a database")), told


def test_what_cannot_be_read_is_a_failure(tmp_path):
    done = verify(tmp_path)
    assert done.returncode == FAILURE
    assert "--data" in done.stderr
    with contextlib.closing(sqlite3.connect(tmp_path / "kiln.db")) as database:
        database.execute("CREATE TABLE other (x)")
    done = verify(tmp_path)
    assert done.returncode == FAILURE
    assert "another program" in done.stderr


@pytest.mark.parametrize(("line", "word"), [
    ("{", "no JSON object"),
    ('{"id": "x", "event": "acknowledged"}', "id"),
    (f'{{"id": "{UNKNOWN}", "event": "seen"}}', "event"),
    (f'{{"id": "{UNKNOWN}", "event": "ended", "state": "running"}}', "state"),
    (f'{{"id": "{UNKNOWN}", "event": "ended", "state": "dead", "verdict": "bad"}}', "verdict"),
])
def test_a_bad_ledger_is_bad_usage(data, tmp_path, line, word):
    (tmp_path / "ledger").write_text(f'{{"id": "{UNKNOWN}", "event": "acknowledged"}}\n{line}\n')
    done = verify(data, "--ledger", str(tmp_path / "ledger"))
    assert done.returncode == USAGE
    assert "line 2" in done.stderr
    assert word in done.stderr


def test_the_table_for_people(stopped, data, tmp_path):
    done = verify(data)
    assert done.returncode == 0
    assert done.stdout.startswith("7 tasks, ")
    ledger = write_ledger(tmp_path / "ledger", *(
        {"id": str(uuid.uuid4()), "event": "acknowledged"} for _ in range(150)))
    done = verify(data, *ledger)
    assert done.returncode == FOUND
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["FINDING", "TASK", "WHAT", "IS", "WRONG"]
    assert lines[-2] == "... and 50 more"
    assert "150 lost" in lines[-1]
    assert len(lines) == 103
