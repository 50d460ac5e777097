"""What is wrong with a person's input, or with the machine: one line that says so and what to do."""

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
import harness

USAGE = 2
FAILURE = 125
NOBODY_THERE = "tcp://127.0.0.1:1"  # a port that no test listens on


def told(done, code, *words):
    """Exit code, nothing on standard output, and one line with all of `words`."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1 and lines[0].startswith("kiln: "), done.stderr
    for word in words:
        assert word in lines[0], (word, lines[0])


def run(code, *more):
    return harness.kiln("run", "-", *(more or ("--language", "python")), stdin=code)


@pytest.fixture(name="directory")
def fixture_directory():
    with tempfile.TemporaryDirectory() as path:
        yield path


def test_unknown_language(directory):
    told(run("x", "--language", "pyton"), USAGE, '"pyton"', "python", "bash")
    path = os.path.join(directory, "a.xyz")
    with open(path, "w", encoding="utf-8"):
        pass
    told(harness.kiln("run", path), USAGE, "extension", "--language")


def test_syntax_error():
    done = run("print(", "--language", "python")
    assert done.returncode == 1
    assert "SyntaxError" in done.stderr


def test_too_large_a_program():
    told(run("#" * (20 << 20)), USAGE, "larger than 1048576 bytes")


@pytest.mark.parametrize("option", ["--timeout", "--memory"])
@pytest.mark.parametrize("value", ["0", "-1", str(2**63), "1e3", "", "nan"])
def test_limits(option, value):
    done = run("print(1)", "--language", "python", f"{option}={value}")
    told(done, USAGE, option)


def test_names():
    told(harness.kiln("submit", "-", "--language", "python", "--queue", "a/b", "--broker",
                      NOBODY_THERE, stdin="1"), USAGE, "queue", "a/b", "A-Z")
    told(harness.kiln("worker", "--name", "a/b"), USAGE, "name", "a/b")


def test_invalid_utf_8(directory):
    path = os.path.join(directory, "a.py")
    with open(path, "wb") as file:
        file.write(b"\xff\xfe")
    told(harness.kiln("run", path), USAGE, "UTF-8")


def test_no_such_file():
    told(harness.kiln("run", "/nonexistent.py"), USAGE, "/nonexistent.py", "No such file")


def test_no_broker():
    for command in (["run", "examples/hello.py"], ["submit", "examples/hello.py"], ["workers"]):
        told(harness.kiln(*command, "--broker", NOBODY_THERE), FAILURE, NOBODY_THERE, "kiln serve")
    told(harness.kiln("workers", "--broker", "nonsense"), USAGE, "nonsense", "tcp://")


@pytest.mark.parametrize("command", ["broker", "serve"])
def test_a_port_in_use(command, directory):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        os.chmod(directory, 0o755)
        done = harness.kiln(command, "--clients", f"tcp://127.0.0.1:{port}", "--workers",
                            harness.ANY_PORT, "--data", os.path.join(directory, "data"))
    told(done, FAILURE, f":{port}", "in use")


def test_an_address_that_is_not_ours_alone():
    told(harness.kiln("broker", "--clients", "tcp://0.0.0.0:5570"), USAGE, "loopback")


def test_an_unwritable_data_directory():
    told(harness.kiln("broker", "--data", "/proc/kiln"), FAILURE, "/proc/kiln", "--data")


def in_changed_machine(change):
    """kiln run in a mount namespace of its own, after `change`."""
    return subprocess.run(
        ["/usr/bin/unshare", "-m", "/bin/sh", "-ec",
         f"{change}; exec {harness.KILN} run examples/hello.py"], cwd=harness.SOURCE,
        capture_output=True, text=True, timeout=harness.DEADLINE, check=False)


def test_a_missing_interpreter():
    done = in_changed_machine("mount --bind /dev/null $(readlink -f /usr/bin/python3)")
    told(done, FAILURE, "python", "apt")


def test_no_cgroup():
    told(in_changed_machine("umount -R -l /sys/fs/cgroup"), FAILURE, "cgroup")


def test_a_second_broker_on_one_data_directory_refuses():
    with harness.Cluster() as cluster:
        cluster.broker()
        done = harness.kiln("broker", "--data", cluster.data, "--clients", harness.ANY_PORT,
                            "--workers", harness.ANY_PORT)
        told(done, FAILURE, cluster.data, "another broker")
        assert cluster.kiln("queues").returncode == 0, "the first one goes on"


def test_a_store_of_a_newer_version_is_refused():
    with harness.Cluster() as cluster:
        broker = cluster.broker()
        broker.end()
        with contextlib.closing(sqlite3.connect(os.path.join(cluster.data, "kiln.db"))) as store:
            store.execute("PRAGMA user_version = 4711")
        for command in ("broker", "serve"):
            done = harness.kiln(command, "--data", cluster.data, "--clients", harness.ANY_PORT,
                                "--workers", harness.ANY_PORT)
            told(done, FAILURE, "has schema version 4711, but this program knows only versions up to")
        with contextlib.closing(sqlite3.connect(os.path.join(cluster.data, "kiln.db"))) as store:
            assert store.execute("PRAGMA user_version").fetchone() == (4711,)
