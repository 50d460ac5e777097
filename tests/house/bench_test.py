"""That the benchmarks' arithmetic is right, and that they refuse what proves nothing."""

import io
import json
import os
import subprocess
import sys
import types

import pytest

BENCH = os.path.join(os.environ["KILN_SOURCE_DIR"], "bench")
sys.path.insert(0, BENCH)
import cells  # noqa: E402
import measure  # noqa: E402
import peers  # noqa: E402


def test_a_row_has_medians_and_the_ratio_of_them():
    row = measure.row("x", "ms", [4.0, 1.0, 2.0], [8.0, 4.0, 5.0], "note")
    assert (row["ours"], row["peer"], row["ratio"], row["runs"]) == (2.0, 5.0, 0.4, 3)
    assert measure.row("x", "ms", [3.0], None, "")["ratio"] is None


@pytest.mark.parametrize("printed", ['{"cells": 9}', '{"cells": 0}'])
def test_other_cells_than_tasks_are_no_figure(printed, monkeypatch):
    done = subprocess.CompletedProcess([], 0, printed, "")
    monkeypatch.setattr(measure.subprocess, "run", lambda *_, **__: done)
    kiln = measure.Kiln("/nowhere")
    kiln.clients = "tcp://127.0.0.1:1"
    with pytest.raises(RuntimeError, match="for 10 tasks"):
        kiln.bench("latency", 10)


def test_a_peer_whose_client_fails_has_no_rate(monkeypatch):
    def fails(*_):
        raise RuntimeError("beanstalkd says b'OUT_OF_MEMORY'")
    monkeypatch.setattr(peers, "beanstalkd_client", fails)
    with pytest.raises(RuntimeError, match="OUT_OF_MEMORY"):
        peers.beanstalkd_rate(1, 80)


def test_a_bench_that_fails_is_told():
    script = subprocess.run([sys.executable, os.path.join(BENCH, "run.py"), "--only", "idle"],
                            env={**os.environ, "KILN_BIN": "/nowhere/kiln"}, capture_output=True,
                            text=True, check=False)
    assert script.returncode != 0
    assert "./dev build" in script.stderr


@pytest.mark.parametrize("answer", ["900 39\n", "-1 0\n", ""])
def test_a_cell_that_did_not_run_is_no_figure(answer):
    timer = cells.Timer.__new__(cells.Timer)
    timer.process = types.SimpleNamespace(stdin=io.StringIO(), stdout=io.StringIO(answer))
    with pytest.raises(RuntimeError):
        timer.p50_us(["cell"], 40, 0)


def test_the_peers_are_shut_in_as_a_cell_is(tmp_path):
    """A peer that does less is quicker for that alone."""
    with open(os.path.join(cells.bundle(str(tmp_path)), "config.json"), encoding="utf-8") as file:
        linux = json.load(file)["linux"]
    assert len({n["type"] for n in linux["namespaces"]}) == 7
    assert set(linux["resources"]) == {"memory", "pids", "cpu"}
    assert "--unshare-all" in cells.bubblewrap()
