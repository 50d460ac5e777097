"""kiln doctor, as root and as a plain user, on this machine and on ones that lack something: made for
real, in mount namespaces of their own."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid

import pytest

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
import harness

DEADLINE = 120
NOBODY = "65534"


MARK = "KILN_DOCTOR_TEST"


def groups_of_kiln():
    """The launchers' directories in every hierarchy."""
    found = set()
    for top, names, _ in os.walk("/sys/fs/cgroup"):
        found |= {os.path.join(top, name) for name in names if name.startswith("kiln-")}
    return found


def is_forgotten(group):
    """Nobody holds its lock: its launcher is gone."""
    try:
        directory = os.open(group, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(directory)


def processes_with(mark):
    """Those whose environment has it: of what was started here, and not by others meanwhile."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as environment:
                found += [pid] if mark.encode() in environment.read() else []
        except OSError:  # gone, or not ours to look at
            pass
    return found


@pytest.fixture(autouse=True, name="mark")
def _nothing_is_left(monkeypatch):
    value = str(uuid.uuid4())
    monkeypatch.setenv(MARK, value)
    before = groups_of_kiln()
    yield
    harness.wait_until(lambda: not processes_with(f"{MARK}={value}"), "all processes to be gone")
    left = [group for group in groups_of_kiln() - before if is_forgotten(group)]
    assert not left


@pytest.fixture(name="installed")
def _installed():
    """kiln and its launcher where everybody may start them."""
    directory = tempfile.mkdtemp(prefix="kiln-doctor-")
    os.chmod(directory, 0o755)
    for name in ("kiln", "kiln-launcher"):
        shutil.copy(os.path.join(os.path.dirname(harness.KILN), name), directory)
    yield directory
    shutil.rmtree(directory)


def report(*command, cwd="/"):
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, cwd=cwd,
                          check=False)
    answer = json.loads(done.stdout)
    assert done.returncode == (0 if answer["fit"] else 1), done.stderr
    return answer, {(one["group"], one["name"]): one for one in answer["checks"]}


def on_a_machine(changes):
    """After these shell commands, in a mount namespace of its own."""
    return report("unshare", "--mount", "sh", "-ec", f"{changes}; exec {harness.KILN} doctor --json")


def test_as_root_all_of_it_holds():
    answer, checks = report(harness.KILN, "doctor", "--json")
    assert answer["fit"]
    isolation = [one for one in answer["checks"] if one["group"] == "isolation"]
    assert len(isolation) == 18
    assert {one["state"] for one in isolation} == {"ok"}, isolation
    for one in answer["checks"]:
        assert set(one) == {"name", "group", "state", "finding", "why", "mend", "required"}
        assert one["state"] in ("ok", "degraded", "missing", "unchecked")
        assert one["why"] and one["finding"], one
        assert one["mend"] or one["state"] in ("ok", "unchecked"), one
    for language in ("python", "bash", "c", "cpp", "javascript"):
        assert checks["languages", language]["state"] == "ok"
    done = harness.kiln("doctor")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "Programs can be run here, in full isolation."
    assert done.stderr == ""


def test_a_plain_user_is_told_what_is_missing(installed):
    answer, checks = report("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups",
                            os.path.join(installed, "kiln"), "doctor", "--json")
    assert not answer["fit"]
    assert checks["users", "root"]["state"] == "missing"
    assert checks["users", "root"]["mend"] == "sudo kiln doctor"
    assert checks["isolation", "syscall filter"]["state"] == "unchecked"
    assert checks["kernel", "system calls"]["state"] == "ok"
    assert checks["users", "/etc/subuid"]["state"] == "degraded"
    assert "usermod --add-subuids" in checks["users", "/etc/subuid"]["mend"]


def test_the_data_directory_is_looked_at_as_it_will_be_used(tmp_path):
    _, checks = report(harness.KILN, "doctor", "--json", "--data", "not/there", cwd=tmp_path)
    assert checks["files", "data directory"]["finding"] == f"{tmp_path}/not/there (will be made)"
    assert not (tmp_path / "not").exists()
    # The service's user may not get there.
    (tmp_path / "closed").mkdir(mode=0o700)
    _, checks = report(harness.KILN, "doctor", "--json", "--data", str(tmp_path / "closed"))
    assert checks["files", "data directory"]["state"] == "degraded"
    assert "cannot be written by" in checks["files", "data directory"]["finding"]
    _, checks = report("unshare", "--mount", "sh", "-ec",
                       f"mount -t tmpfs -o ro none {tmp_path}/closed;"
                       f" exec {harness.KILN} doctor --json --data {tmp_path}/closed/new")
    assert checks["files", "data directory"]["state"] == "degraded"


def test_a_launcher_that_is_not_there(installed):
    os.unlink(os.path.join(installed, "kiln-launcher"))
    answer, checks = report(os.path.join(installed, "kiln"), "doctor", "--json")
    assert not answer["fit"]
    assert checks["isolation", "launcher"]["state"] == "missing"
    assert "kiln-launcher" in checks["isolation", "launcher"]["finding"]


def test_a_launcher_that_cannot_start(installed):
    with open(os.path.join(installed, "kiln-launcher"), "w", encoding="utf-8") as launcher:
        launcher.write("not a program")
    answer, checks = report(os.path.join(installed, "kiln"), "doctor", "--json")
    assert not answer["fit"]
    assert any(one["state"] == "missing" and one["required"] for one in answer["checks"])
    assert checks["isolation", "syscall filter"]["state"] == "unchecked"


def test_a_missing_controller():
    answer, checks = on_a_machine("umount /sys/fs/cgroup/pids")
    assert not answer["fit"]
    version = checks["control groups", "version"]
    assert version["state"] == "missing"
    assert "pids" in version["finding"]
    assert "mount -t cgroup -o pids" in version["mend"]
    assert checks["isolation", "own user ids"]["state"] == "ok"
    assert checks["isolation", "syscall filter"]["state"] == "unchecked"


def test_a_masked_proc_does_not_matter():
    answer, _ = on_a_machine("mount --bind /dev/null /proc/timer_list; mount -t tmpfs none /proc/fs;"
                             " mount --bind /proc/sys /proc/sys;"
                             " mount -o remount,ro,bind /proc/sys")
    assert answer["fit"], answer


# A file system over /usr in which node leads nowhere.
BROKEN_NODE = ("mkdir -p {0}/bin; chmod 0755 {0} {0}/bin; ln -s /nowhere/node {0}/bin/node;"
               " mount -t overlay -o lowerdir={0}:/usr none /usr")


def test_a_toolchain_that_is_a_broken_link(tmp_path):
    broken = BROKEN_NODE.format(tmp_path)
    answer, checks = on_a_machine(broken)
    assert answer["fit"], "the other languages run"
    node = checks["languages", "javascript"]
    assert node["state"] == "missing" and not node["required"]
    assert "No such file" in node["finding"]
    assert "apt-get install" in node["mend"]
    assert checks["languages", "python"]["state"] == "ok"
    (tmp_path / "main.js").write_text("console.log(1)")
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec",
         f"rm -r {tmp_path}/bin; {broken}; exec {harness.KILN} run {tmp_path}/main.js"],
        capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 125
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "javascript cannot run here" in done.stderr
