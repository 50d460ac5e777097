"""docs/keys.md, typed as it stands: a cluster with keys. And what is refused."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
import harness

PAGE = os.path.join(harness.SOURCE, "docs", "keys.md")
USAGE = 2
FAILURE = 125


def commands():
    """The page's command lines, in order."""
    with open(PAGE, encoding="utf-8") as page:
        blocks = re.findall(r"^```sh\n(.*?)^```", page.read(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


class KeyedCluster(harness.Cluster):
    """In a directory with the page's files; services and commands run there."""

    def __init__(self):
        super().__init__()
        self.broker_service = None

    def path(self, name):
        return os.path.join(self.directory, name)

    def type_in(self, line, **env):
        """In a shell. The broker's own addresses stand for the page's."""
        line = line.replace("tcp://10.0.0.1:5570", self.clients)
        path = os.path.dirname(harness.KILN) + ":" + os.environ["PATH"]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("KILN_")}
        return subprocess.run(["/bin/sh", "-c", line], cwd=self.directory, text=True,
                              env={**clean, "PATH": path, **env}, capture_output=True,
                              timeout=harness.DEADLINE, check=False)

    def serve_line(self, line):
        """A service from the page, on free ports."""
        words = [self.path(w) if os.path.exists(self.path(w)) else w for w in shlex.split(line)[1:]]
        words = [w.replace("tcp://0.0.0.0:5570", "tcp://0.0.0.0:*")
                 .replace("tcp://0.0.0.0:5571", "tcp://0.0.0.0:*")
                 .replace("tcp://10.0.0.1:5571", self.workers) for w in words]
        if words[0] == "broker":
            words += ["--data", self.data]
        service = self.start(words[0], words)
        if words[0] == "broker":
            self.broker_service = service
            found = re.search(r"clients on (\S+), workers on ([^\s,]+)", service.line).groups()
            self.clients, self.workers = (e.replace("0.0.0.0", "127.0.0.1") for e in found)
        return service

    def as_ada(self, *arguments, key="ada.key", stdin=""):
        return harness.kiln(*arguments, stdin=stdin, env={
            "KILN_BROKER": self.clients, "KILN_KEY": self.path(key),
            "KILN_BROKER_KEY": self.path("broker.pub")})

    def allow(self, lines):
        """The new list, and the broker told of it; waits until it says that it has read it."""
        with open(self.path("allow.new"), "w", encoding="utf-8") as file:
            file.write(lines)
        os.rename(self.path("allow.new"), self.path("allow"))
        before = self.broker_service.log().count("the allow list")
        self.broker_service.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: self.broker_service.log().count("the allow list") > before,
                           "the broker to read its list")

    def allowed(self):
        with open(self.path("allow"), encoding="utf-8") as file:
            return file.read()


@pytest.fixture(name="keyed")
def fixture_keyed():
    """The page's cluster: its keys, its broker, its worker."""
    with KeyedCluster() as cluster:
        for line in commands():
            if line.startswith("kiln keygen"):
                done = cluster.type_in(line)
                assert done.returncode == 0, (line, done.stderr)
            elif line.startswith(("kiln broker", "kiln worker ")):
                cluster.serve_line(line)
        yield cluster


def test_the_page_from_top_to_bottom(keyed):
    with open(keyed.path("hello.py"), "w", encoding="utf-8") as program:
        program.write("print('hello')")
    lines = commands()
    [submit] = [line for line in lines if line.startswith("kiln submit")]
    done = keyed.type_in(submit)
    assert done.returncode == 0, done.stderr
    result = keyed.as_ada("result", done.stdout.strip(), "--wait", "60")
    assert result.stdout == "hello\n", result.stderr
    [export] = [line for line in lines if line.startswith("export ")]
    done = keyed.type_in(f"{export}\nkiln workers")
    assert done.returncode == 0, done.stderr
    [row] = done.stdout.splitlines()[1:]
    assert row.split()[:2] == ["oven-1", "up"], "the worker has the name of its key"
    assert [line for line in lines if line.startswith("kill -HUP")]
    known = ("kiln keygen", "kiln broker", "kiln worker", "kiln submit", "export ", "kill -HUP")
    assert all(line.startswith(known) for line in lines), "every line of the page is tried"
    assert os.stat(keyed.path("ada.key")).st_mode & 0o777 == 0o600


def test_a_reload_lets_in_and_out(keyed):
    assert keyed.as_ada("workers").returncode == 0
    grace = keyed.type_in("kiln keygen --out grace.key --tenant blue --json")
    line = json.loads(grace.stdout)["allow_line"]
    refused = keyed.as_ada("workers", key="grace.key")
    assert refused.returncode == FAILURE and "does not let this key in" in refused.stderr
    old = keyed.allowed()
    keyed.allow(old + line + "\n")
    assert keyed.as_ada("workers", key="grace.key").returncode == 0
    keyed.allow("".join(one + "\n" for one in old.splitlines() if not one.endswith(" ada")))
    refused = keyed.as_ada("workers")
    assert refused.returncode == FAILURE and "does not let this key in" in refused.stderr


def test_a_wrong_list_changes_nothing(keyed):
    keyed.allow(keyed.allowed() + "nonsense\n")
    log = [line for line in keyed.broker_service.log().splitlines() if "allow list stays" in line]
    assert len(log) == 1 and "allow, line 3" in log[0], log
    assert keyed.as_ada("workers").returncode == 0
    assert keyed.broker_service.process.poll() is None


def test_another_tenants_task_is_unknown(keyed):
    made = keyed.type_in("kiln keygen --out grace.key --tenant blue")
    keyed.allow(keyed.allowed() + made.stdout.splitlines()[1] + "\n")
    done = keyed.as_ada("submit", "-", "--language", "python", stdin="print(1)")
    task = done.stdout.strip()
    for command in ("status", "result", "cancel"):
        seen = keyed.as_ada(command, task, key="grace.key")
        unknown = keyed.as_ada(command, "0" + task[1:-1] + "0", key="grace.key")
        assert seen.returncode == unknown.returncode != 0
        assert task in seen.stderr and seen.stdout == ""
    assert keyed.as_ada("result", task, "--wait", "60").stdout == "1\n"


def test_keys_of_the_wrong_role_and_half_of_the_options(keyed):
    done = keyed.as_ada("workers", key="oven-1.key")
    assert done.returncode == FAILURE and "does not let this key in" in done.stderr
    bare = harness.kiln("workers", env={"KILN_BROKER": keyed.clients})
    assert bare.returncode == FAILURE and "without a key" in bare.stderr
    half = harness.kiln("workers", env={"KILN_BROKER": keyed.clients,
                                        "KILN_KEY": keyed.path("ada.key")})
    assert half.returncode == USAGE and "--broker-key" in half.stderr
    wrong = harness.kiln("workers", env={"KILN_BROKER": keyed.clients,
                                         "KILN_KEY": keyed.path("ada.key"),
                                         "KILN_BROKER_KEY": keyed.path("ada.pub")})
    assert wrong.returncode == FAILURE and "broke off the handshake" in wrong.stderr


def test_serve_with_keys_has_a_worker_of_its_own():
    with KeyedCluster() as cluster:
        for line in commands():
            if line.startswith("kiln keygen"):
                assert cluster.type_in(line).returncode == 0
        service = cluster.serve("--key", cluster.path("broker.key"), "--allow",
                                cluster.path("allow"), "--slots", "1")
        cluster.broker_service = service
        cluster.allow(cluster.allowed())  # SIGHUP is the broker's, and ends nobody
        done = cluster.as_ada("submit", "-", "--language", "python", "--no-cache",
                              stdin="print(2)")
        assert done.returncode == 0, done.stderr
        assert cluster.as_ada("result", done.stdout.strip(), "--wait", "60").stdout == "2\n"
        assert service.process.poll() is None


def test_an_open_address_needs_keys_or_a_word():
    with harness.Cluster() as cluster:
        arguments = ["broker", "--data", cluster.data, "--clients", "tcp://0.0.0.0:*",
                     "--workers", harness.ANY_PORT]
        done = harness.kiln(*arguments)
        assert done.returncode == USAGE and done.stdout == ""
        assert "--key" in done.stderr and "--insecure" in done.stderr
        service = cluster.start("broker", [*arguments, "--insecure"])
        assert "clients on tcp://0.0.0.0:" in service.line
        harness.wait_until(lambda: "whoever reaches this address is let in" in service.log(),
                           "the broker to say that anybody may come in")


def test_keygen_never_overwrites_and_says_what_is_wrong():
    with KeyedCluster() as cluster:
        first = cluster.type_in("kiln keygen --out a.key")
        key, line = first.stdout.splitlines()
        assert re.fullmatch("[0-9a-f]{64}", key) and line == f"{key} client default a"
        again = cluster.type_in("kiln keygen --out a.key")
        assert again.returncode == USAGE and "exists" in again.stderr and again.stdout == ""
        role = cluster.type_in("kiln keygen --out b.key --role boss")
        assert role.returncode == USAGE and not os.path.exists(cluster.path("b.key"))
        tenant = cluster.type_in("kiln keygen --out b.key --tenant 'r d'")
        assert tenant.returncode == USAGE and not os.path.exists(cluster.path("b.key"))
        os.chmod(cluster.path("a.key"), 0o644)
        told = cluster.type_in("kiln broker --key a.key --allow a.pub")
        assert told.returncode == USAGE and "chmod 600" in told.stderr
        os.chmod(cluster.path("a.key"), 0o600)
        os.chmod(cluster.path("a.pub"), 0)
        told = cluster.type_in(f"kiln broker --key a.key --allow a.pub --data {cluster.data}")
        assert told.returncode != 0 and "as the user" in told.stderr
        half = cluster.type_in("kiln broker --key a.key")
        assert half.returncode == USAGE and "--allow" in half.stderr
