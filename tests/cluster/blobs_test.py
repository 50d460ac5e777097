"""Blobs through crashes: a broker that is killed while one is sent, a worker that is killed while it
stores one; and what kiln verify says of blobs that were damaged."""

import contextlib
import hashlib
import os
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import wire

CHUNK = 1 << 20
BLOB = os.urandom(5 * CHUNK + 7)
SHA256 = hashlib.sha256(BLOB).hexdigest()
READS_IT = "import hashlib; print(hashlib.sha256(open('large', 'rb').read()).hexdigest(), end='')"


def put(client, offset, data=b""):
    answer = client.ask_until_answered("put_blob", sha256=SHA256, size=len(BLOB), offset=offset,
                                       data=data)
    return answer["blob"]


def put_all(client):
    state = put(client, 0)
    while not state["complete"]:
        at = state["received"]
        state = put(client, at, BLOB[at:at + CHUNK])
    return state


def test_a_broker_killed_in_between_has_what_it_acknowledged():
    with harness.Cluster() as cluster:
        broker = cluster.broker()
        cluster.worker("w1")
        with wire.Client(cluster.clients) as client:
            for at in (0, CHUNK, 2 * CHUNK):
                assert put(client, at, BLOB[at:at + CHUNK])["received"] == at + CHUNK
            broker.kill()
            broker = cluster.broker()
            assert put(client, 0)["received"] == 3 * CHUNK
            assert put_all(client)["complete"]
            broker.kill()
            cluster.broker()
            assert put(client, 0)["complete"]
            task = wire.task(READS_IT, files={"large": {"sha256": SHA256, "size": len(BLOB)}})
            client.ask_until_answered("submit", task=task)
            end = client.end_of(task["id"])
            assert end["result"]["out"]["bytes"].decode() == SHA256, end


# A large artifact, after a moment in which the worker can be killed.
MAKES_IT = """
import os, time
open("/box/out/large", "wb").write(bytes(20_000_000))
open("/box/out/attempt", "w").write("x")
"""


def test_a_killed_worker_leaves_a_whole_result_or_none():
    with harness.Cluster() as cluster:
        cluster.broker()
        first = cluster.worker("w1", slots=1)
        task = cluster.submit(MAKES_IT)
        cluster.wait_for_state(task, "running", "succeeded")
        first.kill()
        cluster.worker("w2", slots=1)
        result = cluster.result(task)
        assert result["verdict"] == "ok", result
        out = os.path.join(cluster.directory, "out")
        assert cluster.kiln("result", task, "--out", out).returncode == 0
        assert os.path.getsize(os.path.join(out, "large")) == 20_000_000


def test_one_tenants_blobs_are_not_anothers():
    with harness.Cluster() as cluster:
        keys = cluster.keys("ada:client", "bob:client", "oven-1")
        with open(keys[3], encoding="utf-8") as allow:
            lines = [line.replace(" default bob", " blue bob") for line in allow]
        with open(keys[3], "w", encoding="utf-8") as allow:
            allow.writelines(lines)
        cluster.broker(*keys)
        worker = cluster.start("worker", ["worker", "--broker", cluster.workers, "--key",
                                          os.path.join(cluster.directory, "oven-1.key"),
                                          "--broker-key",
                                          os.path.join(cluster.directory, "broker.pub")])
        large = os.path.join(cluster.directory, "large")
        with open(large, "wb") as file:
            file.write(BLOB)

        def client(name, *arguments, **more):
            return cluster.kiln(*arguments, "--key", os.path.join(cluster.directory, name + ".key"),
                                "--broker-key", os.path.join(cluster.directory, "broker.pub"),
                                **more)
        done = client("ada", "run", "-", "--broker", cluster.clients, "--language", "python",
                      "--file", large, "--quiet", stdin=READS_IT)
        assert done.stdout == SHA256, done.stderr + worker.log()
        with contextlib.closing(sqlite3.connect(os.path.join(cluster.data, "kiln.db"))) as store:
            assert store.execute("SELECT tenant FROM blobs").fetchall() == [("default",)]
        done = client("bob", "run", "-", "--broker", cluster.clients, "--language", "python",
                      "--file", large, "--quiet", stdin=READS_IT)
        assert done.stdout == SHA256, done.stderr
        with contextlib.closing(sqlite3.connect(os.path.join(cluster.data, "kiln.db"))) as store:
            assert sorted(store.execute("SELECT tenant FROM blobs").fetchall()) == [
                ("blue",), ("default",)]


def test_verify_finds_blobs_that_are_damaged_or_gone():
    with harness.Cluster() as cluster:
        broker = cluster.broker()
        with wire.Client(cluster.clients) as client:
            put_all(client)
            task = wire.task(READS_IT, files={"large": {"sha256": SHA256, "size": len(BLOB)}})
            client.ask("submit", task=task)
        broker.end()
        assert harness.kiln("verify", "--data", cluster.data).returncode == 0
        path = os.path.join(cluster.data, "kiln.db")
        for change, found in (("UPDATE blob_chunks SET bytes = zeroblob(1048576) WHERE at = 1048576",
                               "is not what was stored"),
                              ("DELETE FROM blob_chunks WHERE at = 2097152",
                               "is not what was stored"),
                              ("DELETE FROM blobs", "blobs that are not stored")):
            with contextlib.closing(sqlite3.connect(path)) as store, store:
                assert store.execute(change).rowcount == 1
            done = harness.kiln("verify", "--data", cluster.data)
            assert done.returncode == 1
            assert found in done.stdout, done.stdout
