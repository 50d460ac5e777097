"""kiln run by itself: its own broker, worker and cell, in one command."""

import base64
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
import harness


def run(code, *more, stdin=None):
    """`code` as a Python program; from a file where the program has an input of its own."""
    if stdin is None:
        return harness.kiln("run", "-", "--language", "python", *more, stdin=code)
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(code)
        file.flush()
        return harness.kiln("run", file.name, "--stdin", "-", *more, stdin=stdin)


def test_output_and_receipt():
    done = run("import sys; print('out'); print('err', file=sys.stderr)")
    assert (done.returncode, done.stdout) == (0, "out\n")
    program, receipt = done.stderr.splitlines()
    assert program == "err"
    assert re.fullmatch(r"kiln: ok, wall [\d.]+ s, cpu [\d.]+ s, peak memory [\d.]+ MB, "
                        r"set-up [\d.]+ ms", receipt)


def test_quiet_has_no_receipt():
    assert run("print(1)", "--quiet").stderr == ""


def test_input_arguments_and_files():
    code = "import sys; print(sys.stdin.read().upper(), sys.argv[1:], open('n.txt').read())"
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("beside")
        file.flush()
        done = run(code, "--arg", "a b", "--arg=-x", "--file", file.name + ":n.txt", stdin="in")
    assert done.stdout == "IN ['a b', '-x'] beside\n", done.stderr


def test_exit_codes():
    for code, more, expected in [
            ("raise SystemExit(7)", (), 7),
            ("import os; os.kill(os.getpid(), 9)", (), 128 + 9),
            ("while True: pass", ("--timeout", "0.5"), 124),
            ("x = b'x' * (1 << 30)", ("--memory", "64"), 137),
            ("import os\nwhile True: os.write(1, b'x' * 65536)", ("--quiet", "--json"), 1)]:
        assert run(code, *more).returncode == expected, code


def test_json_is_one_object_and_nothing_else():
    done = run("import os; os.write(1, b'text'); os.write(2, b'\\xff\\x00')", "--json")
    result = json.loads(done.stdout)
    assert done.stderr == ""
    assert result["verdict"] == "ok"
    assert result["out"]["bytes"] == "text"
    assert base64.b64decode(result["err"]["bytes"]["base64"]) == b"\xff\x00"
    assert result["task"]["state"] == "succeeded"


def test_live_output_then_ctrl_c_and_nothing_is_left():
    before = set(glob.glob("/tmp/kiln-run-*"))
    running = subprocess.Popen([harness.KILN, "run", "-", "--language", "python"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    try:
        running.stdin.write(b"print('begun', flush=True)\nwhile True: pass\n")
        running.stdin.close()
        # The program never ends: this line can only be live.
        assert running.stdout.readline() == b"begun\n"
        running.send_signal(signal.SIGINT)
        assert running.wait(harness.DEADLINE) == 130
        assert b"cancelled" in running.stderr.read()
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
        running.stderr.close()
    assert set(glob.glob("/tmp/kiln-run-*")) <= before


def test_a_closed_pipe_ends_the_task():
    done = subprocess.run(
        ["/bin/bash", "-c", "$KILN_BIN run - --language python | head -1; echo ${PIPESTATUS[0]}"],
        input="while True: print('line', flush=True)", capture_output=True, text=True,
        timeout=harness.DEADLINE, check=False)
    assert done.stdout == "line\n141\n"
