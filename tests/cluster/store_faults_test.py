"""A disk that fills up under a broker: clients are told so, nothing that was acknowledged is lost, and
all goes on by itself once there is room."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import wire

DISK_BYTES = 24 << 20
FILLER_BYTES = 16 << 20
TASK_BYTES = 100_000  # so that few submissions fill the disk
MOST_TASKS = 2_000
PROGRAM = "import sys; sys.stdout.write('{n}')\n#"


@contextlib.contextmanager
def small_disk(directory):
    """A file system of its own, unmounted at the end."""
    disk = os.path.join(directory, "disk")
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0755", "kiln-test", disk],
                   check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


class LedgerClient(wire.Client):
    """A client that writes down what it is told (docs/verify.md)."""

    def __init__(self, endpoint, path):
        super().__init__(endpoint)
        self.path = path
        self.acknowledged = []

    def note(self, **line):
        with open(self.path, "a", encoding="utf-8") as ledger:
            ledger.write(json.dumps(line) + "\n")

    def submit(self, spec, ask=None):
        (ask or self.ask)("submit", task=spec)
        self.note(id=spec["id"], event="acknowledged")
        self.acknowledged.append(spec["id"])

    def see_end(self, task):
        end = self.end_of(task)
        self.note(id=task, event="ended", state=end["task"]["state"], verdict=end["task"]["verdict"])
        return end


def big_task(n):
    return wire.task(PROGRAM.format(n=n) + "x" * TASK_BYTES, cache=False)


def submit_until_refused(client):
    """The task that was refused, and the refusal."""
    for n in range(MOST_TASKS):
        spec = big_task(n)
        try:
            client.submit(spec)
        except wire.Refused as refused:
            return spec, refused
    raise AssertionError("the disk never filled")


def refusal_of(client, spec):
    try:
        client.ask("submit", task=spec)
    except wire.Refused as refused:
        return refused
    raise AssertionError("a full disk took a task")


def check_says_full(refused):
    code, _, cause = refused.args
    assert code == "busy"
    assert "the disk is full" in cause, refused.args


def verify(data, *more):
    done = harness.kiln("verify", "--data", data, "--json", *more, deadline=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_full_disk_is_busy_and_loses_nothing():
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="kiln-test-"))
        os.chmod(directory, 0o755)  # the broker's own user passes through
        disk = stack.enter_context(small_disk(directory))
        cluster = stack.enter_context(harness.Cluster())  # first to end: it uses the disk
        cluster.data = os.path.join(disk, "data")
        filler = os.path.join(disk, "filler")
        with open(filler, "wb") as file:
            file.write(bytes(FILLER_BYTES))
        broker, worker = cluster.broker(), cluster.worker("one", slots=2)
        ledger = os.path.join(directory, "ledger")
        client = stack.enter_context(LedgerClient(cluster.clients, ledger))

        spec, refused = submit_until_refused(client)
        check_says_full(refused)
        before = list(client.acknowledged)
        assert before, "not one was acknowledged"
        for _ in range(3):  # it stays so, and says why
            check_says_full(refusal_of(client, spec))
        assert verify(cluster.data, "--ledger", ledger)["tasks"] >= len(before)

        os.remove(filler)
        client.submit(spec, client.ask_until_answered)  # the same id: the same task
        for n in range(10):
            client.submit(big_task(n), client.ask_until_answered)
        ends = [client.see_end(task) for task in client.acknowledged]

        assert {e["task"]["state"] for e in ends} == {"succeeded"}
        assert {e["task"]["worker"] for e in ends} == {"one"}
        assert broker.process.poll() is None, "the broker went on by itself"
        assert worker.process.poll() is None
        report = verify(cluster.data, "--all-ended", "--ledger", ledger)
        again = sum(e["task"]["attempt"] > 1 for e in ends)
    print(f"a full disk after {len(before)} tasks of {len(ends)}: {report['tasks']} stored, all "
          f"ended, {again} ran again; verify found nothing")
