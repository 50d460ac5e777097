"""docs/protocol.md's first program is a client: it runs as it stands, but for the port."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness


def test_the_page_is_a_client():
    program = harness.page_program("protocol.md")
    assert "tcp://127.0.0.1:5570" in program
    with harness.Cluster() as cluster:
        cluster.serve("--slots", "1")
        done = subprocess.run(
            [harness.PYTHON, "-c", program.replace("tcp://127.0.0.1:5570", cluster.clients)],
            capture_output=True, text=True, timeout=harness.DEADLINE, check=False)
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr
