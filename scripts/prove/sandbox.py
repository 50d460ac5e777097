"""Takes one isolation step after the other out of the launcher and sees which tests turn red."""

import json
import os
import shutil
import subprocess
import tempfile

from steps import CHECKS, TAKEN_OUT

MARK = b"KILN_TEST_FAULTS: "  # tests/sandbox/faults.cc
SECONDS = 40  # for one test program; a broken sandbox may hang it
PATIENCE_MS = "1000"  # of a look at what shall come true: most of them are to fail
# Those that look at whole cells; the second half only where the first finds nothing.
QUICK = {"sandbox_isolation_test": "*", "security_syscalls_test": "*", "security_battery_test": "-*Zombie*:*Fork*",
         "sandbox_fault_test": "*", "sandbox_ahead_test": "*", "sandbox_warm_test": "-*InterpreterDies*",
         "warm_differential_test": "*start_*:*end_*:*argparse*"}
SLOW = {"sandbox_abuse_test": "*", "sandbox_runner_test": "*", "sandbox_collector_test": "*",
        "sandbox_network_test": "*", "sandbox_death_test": "*"}


def patched(binary, names, path):
    """A copy of a faulty launcher, or warm library, from which these steps are taken out."""
    with open(binary, "rb") as file:
        code = file.read()
    if code.count(MARK) != 1:
        raise RuntimeError(f"{binary} has no place for faults")
    at = code.index(MARK) + len(MARK)
    words = b"".join(name.encode() + b" " for name in names)
    with open(path, "wb") as file:
        file.write(code[:at] + words + code[at + len(words):])
    os.chmod(path, 0o755)
    return path


def failed_cases(report):
    """The names of a GoogleTest report's failed cases."""
    return {f"{suite['name']}.{case['name']}" for suite in report["testsuites"] for case in suite["testsuite"]
            if case.get("failures")}


def red_of(program, filters, environment):
    """Which of its cases fail; the program's own name if it did not come to an end."""
    with tempfile.TemporaryDirectory() as directory:
        report = os.path.join(directory, "report.json")
        command = [program, f"--gtest_filter={filters}", f"--gtest_output=json:{report}"]
        try:
            subprocess.run(command, env={**os.environ, **environment}, timeout=SECONDS, check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            with open(report, encoding="utf-8") as file:
                return failed_cases(json.load(file))
        except (subprocess.TimeoutExpired, FileNotFoundError):
            return {os.path.basename(program) + " (no end)"}


def red_without(names, programs, build):
    """All cases that fail when these steps are taken out."""
    with tempfile.TemporaryDirectory() as directory:
        launcher = patched(os.path.join(build, "bin", "kiln-launcher-faulty"), names,
                           os.path.join(directory, "kiln-launcher"))
        patched(os.path.join(build, "bin", "_kiln_warm_faulty.abi3.so"), names,
                os.path.join(directory, "_kiln_warm.abi3.so"))
        shutil.copy(os.path.join(build, "bin", "_kiln.abi3.so"), directory)
        red = set()
        for name, filters in programs.items():
            red |= red_of(os.path.join(build, "bin", name), filters,
                          {"KILN_TEST_LAUNCHER": launcher, "KILN_TEST_PATIENCE_MS": PATIENCE_MS})
        return red


def prove(build, steps, tell, clear):
    """Rows (step, cases that turned red). Raises where the tests fail by themselves. `clear` ends what they leave."""
    everything = {**QUICK, **SLOW}
    if red := red_without([], everything, build):
        raise RuntimeError(f"nothing is taken out, and these fail: {', '.join(sorted(red))}")
    unseen = red_without(CHECKS, everything, build)  # they fail since nothing checks any more
    rows = [("+".join(CHECKS), unseen)]
    tell(*rows[0])
    for step in steps or TAKEN_OUT:
        red = red_without([step, *CHECKS], QUICK, build) - unseen
        if not red:
            red = red_without([step, *CHECKS], SLOW, build) - unseen
        clear()
        rows.append((step, red))
        tell(step, red)
    return rows
