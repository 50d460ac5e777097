"""The nemesis, for two minutes: nothing that was acknowledged is lost, and nothing has two ends.

KILN_SEED and KILN_FAULT_SECONDS choose another run.
"""

import os
import subprocess
import sys
import tempfile

NEMESIS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nemesis.py")
DEADLINE = 900.0  # seconds; it bounds itself


def test_nothing_is_lost_and_nothing_ends_twice():
    seed = os.environ.get("KILN_SEED", "1")
    seconds = os.environ.get("KILN_FAULT_SECONDS", "120")
    with tempfile.TemporaryDirectory(prefix="kiln-test-") as directory:
        os.chmod(directory, 0o755)  # the broker's own user passes through
        done = subprocess.run(
            [sys.executable, NEMESIS, "--seed", seed, "--seconds", seconds, directory],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=DEADLINE, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout
