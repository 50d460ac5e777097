"""examples/cluster.sh, as a stranger starts it: what it says is so, and nothing is left of it."""

import ctypes
import glob
import os
import re
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness

SCRIPT = os.path.join(harness.SOURCE, "examples", "cluster.sh")
RUN_DEADLINE = 200.0  # seconds, on a loaded machine; alone it takes half a minute
TASKS = 90
INTERRUPTED = 130
TERMINATED = 143
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


class Example:
    """One run of the script. What it would leave running becomes a child of this process."""

    def __init__(self, *arguments):
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
        self.directories = directories()
        self.networks = network_names()
        # A variable of the caller's must not lead its clients elsewhere.
        self.process = subprocess.Popen(
            [SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], "KILN": harness.KILN,
                 "KILN_BROKER": "tcp://127.0.0.1:1", "KILN_KEY": "/nowhere"})

    def end(self, deadline=RUN_DEADLINE):
        try:
            return self.process.communicate(timeout=deadline)
        finally:
            self.process.kill()

    def check_nothing_is_left(self):
        harness.wait_until(lambda: not living_children(), "its processes to be gone", 10)
        assert directories() == self.directories
        assert network_names() == self.networks


def directories():
    return glob.glob("/tmp/kiln-cluster-*")


def living_children():
    """Our children, after those that ended are taken away."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return []
    return harness.children_of(os.getpid())


def network_names():
    """Of this machine: its links, and the namespaces that have a name."""
    return [subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout
            for words in (["-brief", "link"], ["netns", "list"])]


def numbers(pattern, text):
    found = re.search(pattern, text, re.MULTILINE)
    assert found, f"no {pattern!r} in:\n{text}"
    return [int(group) for group in found.groups()]


def test_a_cluster_keeps_all_through_an_added_a_drained_and_a_crashed_node():
    example = Example("--tasks", str(TASKS))
    out, err = example.end()
    assert example.process.returncode == 0, out + err
    submitted, ended, lost, again = numbers(
        r"^(\d+) submitted, (\d+) ended, (\d+) lost, (\d+) ran again after the crash$",
        out.splitlines()[-1])
    assert (submitted, ended, lost) == (TASKS, TASKS, 0)
    assert numbers(r"^(\d+) succeeded$", out) == [TASKS]
    assert numbers(r"^oven-1 left by itself with exit code (\d+)$", out) == [0]
    assert numbers(r"^(\d+) ended on oven-3$", out)[0] > 0, "the added node ran some"
    # All that ran again was lost in the crash: nothing by the drain, and something by the crash.
    runs = re.findall(r"^ran again: \S+, lost on (\S+), ended on (\S+)$", out, re.MULTILINE)
    assert again == len(runs) > 0, out
    assert {before for before, _ in runs} == {"oven-2"}
    assert "oven-2" not in {after for _, after in runs}
    ran = [int(n) for n in re.findall(r"^(\d+) ended on oven-\d$", out, re.MULTILINE)]
    assert sum(ran) == TASKS, out
    print(out)
    example.check_nothing_is_left()


@pytest.mark.parametrize("number, code", [(signal.SIGINT, INTERRUPTED),
                                          (signal.SIGTERM, TERMINATED)])
def test_stopped_half_way_it_leaves_nothing(number, code):
    example = Example()
    try:
        for line in example.process.stdout:
            if line.startswith("under load"):
                break
        example.process.send_signal(number)
        example.process.wait(harness.DEADLINE)
    finally:
        example.end()
    assert example.process.returncode == code
    example.check_nothing_is_left()


@pytest.mark.parametrize("arguments, env, told", [
    (["--tasks", "3"], {}, "from 30 on"),
    (["--tasks"], {}, "from 30 on"),
    (["--task"], {}, "usage:"),
    ([], {"KILN": "/nowhere/kiln"}, "no /nowhere/kiln"),
])
def test_what_is_missing_is_said_in_one_line(arguments, env, told):
    before = directories()
    done = subprocess.run(
        ["/bin/sh", SCRIPT, *arguments], capture_output=True, text=True, check=False, timeout=10,
        env={"PATH": os.environ["PATH"], "KILN": harness.KILN, **env})
    assert done.returncode in (1, 2) and done.stdout == ""
    assert told in done.stderr
    assert told == "usage:" or done.stderr.count("\n") == 1, done.stderr
    assert directories() == before
