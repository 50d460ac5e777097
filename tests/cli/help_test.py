"""Every example that --help shows runs, as a person would type it."""

import os
import re
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
import harness

SERVICES = ("serve", "broker", "worker")
COMMANDS = ("run", *SERVICES, "submit", "status", "result", "cancel", "retry", "logs", "list", "queues",
            "workers", "dead-letters", "keygen", "verify", "bench")


def examples(command):
    done = harness.kiln(*([command] if command else []), "--help")
    assert done.returncode == 0
    found = re.findall(r"^  \$ (.*)$", done.stdout, re.MULTILINE)
    assert found, f"kiln {command} --help shows no example"
    return found


def type_in(line, cluster):
    """In a shell at the top of the tree, with kiln in PATH and this cluster's broker."""
    path = os.path.dirname(harness.KILN) + ":" + os.environ["PATH"]
    env = {**os.environ, "PATH": path}
    env.pop("KILN_BROKER", None)
    if cluster:
        env["KILN_BROKER"] = cluster.clients
    return subprocess.run(["/bin/sh", "-c", line], cwd=harness.SOURCE, env=env, text=True,
                          capture_output=True, timeout=harness.DEADLINE, check=False)


def test_help_lists_every_command():
    help_text = harness.kiln("--help").stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", help_text, re.MULTILINE), command


@pytest.mark.parametrize("command", ["", "run", "keygen", "bench"])
def test_examples_that_need_no_broker(command):
    for line in examples(command):
        done = type_in(line, None)
        assert done.returncode == 0, (line, done.stderr)
        assert done.stdout, line


def test_examples_of_clients():
    with harness.Cluster() as cluster:
        cluster.serve()
        for command in COMMANDS[4:-3]:
            for line in examples(command):
                done = type_in(line, cluster)
                assert done.returncode == 0, (line, done.stderr)
                assert done.stdout, line


def test_examples_of_verify():
    """With this test's data directory."""
    with harness.Cluster() as cluster:
        cluster.serve()
        cluster.result(cluster.submit("print(1)"))
        for line in examples("verify"):
            done = type_in(line.replace("/tmp/kiln-data", cluster.data), None)
            assert done.returncode == 0, (line, done.stderr)
            assert done.stdout, line


@pytest.mark.parametrize("command", SERVICES)
def test_examples_of_services(command):
    """With this test's directory, and free ports for the usual ones."""
    for line in examples(command):
        with harness.Cluster() as cluster:
            keys = cluster.keys() if "/tmp/kiln-keys" in line else ()
            arguments = [word.strip("'").replace("/tmp/kiln-keys", cluster.directory)
                         .replace("//0.0.0.0:5570", "//0.0.0.0:*")
                         .replace("//0.0.0.0:5571", "//0.0.0.0:*") for word in line.split()][1:]
            assert arguments[0] == command, line
            if command == "worker":
                cluster.broker(*keys)
                arguments[arguments.index("tcp://127.0.0.1:5571")] = cluster.workers
            else:
                arguments = [cluster.data if a == "/tmp/kiln-data" else a for a in arguments]
                for option, value in (("--data", cluster.data), ("--clients", harness.ANY_PORT),
                                      ("--workers", harness.ANY_PORT)):
                    if option not in arguments:
                        arguments += [option, value]
            service = cluster.start(command, arguments)
            assert service.line.startswith(f"kiln {command}: "), service.line
