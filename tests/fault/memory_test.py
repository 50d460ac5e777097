"""That the watch over memory tells a leak from a process that fills its caches."""

import importlib.util
import os

HERE = os.path.dirname(os.path.abspath(__file__))


def load():
    spec = importlib.util.spec_from_file_location("memory", os.path.join(HERE, "memory.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report_of(samples, directory, monkeypatch):
    monkeypatch.chdir(directory)
    memory = load().Memory(None)
    memory.samples = {"process": samples}
    return memory.report()


def test_a_leak_is_found(tmp_path, monkeypatch):
    assert not report_of([(t, 150_000 + 100 * t) for t in range(300)], tmp_path, monkeypatch)
    assert not report_of([(t, 20_000 + 30 * t) for t in range(300)], tmp_path, monkeypatch)


def test_what_fills_up_is_steady(tmp_path, monkeypatch):
    assert report_of([(t, 60_000 + min(1_000 * t, 100_000)) for t in range(300)], tmp_path, monkeypatch)
    assert report_of([(t, 20_000 + 50 * (t % 10)) for t in range(300)], tmp_path, monkeypatch)


def test_nothing_seen_is_not_steady(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not load().Memory(None).report()
