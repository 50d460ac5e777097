"""The repository's own rules, and that the checks of them can fail."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(os.environ["KILN_SOURCE_DIR"])
SCRIPTS = ROOT / "scripts"


def run(*command, cwd=ROOT):
    return subprocess.run(
        [str(c) for c in command], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


def python(script, *arguments):
    return run(sys.executable, SCRIPTS / script, *arguments)


def tracked(*patterns):
    """Files of the repository; in a tree without git, all that match."""
    found = run("git", "-c", f"safe.directory={ROOT}", "ls-files", "--", *patterns)
    if found.returncode == 0:
        return [ROOT / name for name in found.stdout.split("\n") if name and (ROOT / name).is_file()]
    return [p for pattern in patterns for p in ROOT.glob(f"**/{pattern}") if "build" not in p.parts]


# --- layers


def layer_check(tmp_path, name, text):
    file = tmp_path / "src" / name
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    return python("check_layering.py", tmp_path)


def test_layers_are_kept():
    found = python("check_layering.py", ROOT)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("name", "line", "word"),
    [
        ("base/a.h", '#include "model/task.h"', "may not include model"),
        ("core/a.cc", '#include "store/store.h"', "may not include store"),
        ("core/a.cc", "#include <thread>", "pure"),
        ("core/a.cc", "#include <unistd.h>", "standard library only"),
        ("core/a.cc", "auto t = std::chrono::steady_clock::now();", "come in from outside"),
        ("net/client.cc", "#include <msgpack.hpp>", "msgpack belongs only"),
        ("store/a.cc", "#include <caf/all.hpp>", "CAF belongs only"),
        ("base/a.cc", "#include <boost/regex.hpp>", "no library of ours"),
        ("other/a.cc", "", "is no layer"),
    ],
)
def test_a_breach_is_found(tmp_path, name, line, word):
    found = layer_check(tmp_path, name, line + "\n")
    assert found.returncode == 1
    assert word in found.stdout


def test_what_is_allowed_is_no_breach(tmp_path):
    text = '#include <vector>\n#include "base/error.h"\n// steady_clock::now() in a comment\n'
    assert layer_check(tmp_path, "core/a.cc", text).returncode == 0


def test_no_source_at_all_is_a_failure(tmp_path):
    assert python("check_layering.py", tmp_path).returncode == 1


# --- words


def test_words_check_finds_a_promise(tmp_path):
    run("git", "init", "-q", tmp_path)
    (tmp_path / "a.cc").write_text("// TO" "DO later\n", encoding="utf-8")
    run("git", "add", "a.cc", cwd=tmp_path)
    found = python("check_words.py", tmp_path)
    assert found.returncode == 1
    assert "a.cc:1: promises later work" in found.stdout


# --- the report that closes a test run

CTEST = '<testsuite><testcase name="p" time="1" status="{status}">{inner}</testcase></testsuite>'
LISTING = {"tests": [{"name": "p", "properties": [{"name": "LABELS", "value": ["unit"]}]}]}
CASES = '<testsuites><testsuite><testcase classname="S" name="a">{inner}</testcase></testsuite></testsuites>'


def report(tmp_path, status="run", whole="", case=None):
    (tmp_path / "reports").mkdir()
    (tmp_path / "ctest.json").write_text(json.dumps(LISTING), encoding="utf-8")
    (tmp_path / "ctest.xml").write_text(CTEST.format(status=status, inner=whole), encoding="utf-8")
    if case is not None:
        (tmp_path / "reports" / "p.xml").write_text(CASES.format(inner=case), encoding="utf-8")
    found = python("test_report.py", tmp_path)
    return found.returncode, found.stdout.splitlines()[-1]


def test_report_counts_cases(tmp_path):
    assert report(tmp_path, case="") == (0, "1 passed, 0 failed")


def test_report_tells_what_each_label_took(tmp_path):
    report(tmp_path, case="")
    found = python("test_report.py", tmp_path).stdout.splitlines()
    assert any(line.startswith("unit ") and " 1 s of " in line for line in found), found


def test_report_counts_a_failed_case_once(tmp_path):
    assert report(tmp_path, "fail", "<failure/>", "<failure/>") == (1, "0 passed, 1 failed")


def test_report_counts_a_crash(tmp_path):
    assert report(tmp_path, "fail", "<failure/>", "") == (1, "1 passed, 1 failed")


def test_report_takes_a_skip_for_a_failure(tmp_path):
    assert report(tmp_path, case="<skipped/>") == (1, "0 passed, 1 failed")


def test_report_fails_without_a_report(tmp_path):
    found = python("test_report.py", tmp_path)
    assert (found.returncode, found.stdout.splitlines()[-1]) == (1, "0 passed, 1 failed")


# --- ./dev


def test_dev_help_names_every_verb():
    found = run("sh", "dev", "--help")
    assert found.returncode == 0
    for verb in "deps build run test lint fuzz bench prove soak".split():
        assert re.search(rf"^  {verb}\b", found.stdout, re.M), verb


def test_an_unknown_verb_is_a_usage_error():
    found = run("sh", "dev", "nonsense")
    assert found.returncode == 2
    assert "no verb 'nonsense'" in found.stderr


def test_shell_scripts_parse():
    scripts = [ROOT / "dev", ROOT / ".ci" / "run", *tracked("*.sh")]
    for script in scripts:
        found = run("sh", "-n", script)
        assert found.returncode == 0, found.stderr


# --- packages and pages

PACKAGE_OF = {
    "GTest": "libgtest-dev",
    "spdlog": "libspdlog-dev",
    "yaml-cpp": "libyaml-cpp-dev",
    "SQLiteCpp": "libsqlitecpp-dev",
    "CAF": "libcaf-dev",
    "nlohmann_json": "nlohmann-json3-dev",
    "prometheus-cpp": "prometheus-cpp-dev",
    "Boost": "libboost-dev",
    "PkgConfig": "pkg-config",
    "Threads": "g++",
    "Python3": "python3-dev",
}


def test_every_library_that_cmake_looks_for_has_its_package():
    listed = re.findall(r"^(?:run|build|test|bench)\s+(\S+)", (SCRIPTS / "packages.txt").read_text(), re.M)
    cmake = tracked("*CMakeLists.txt", "cmake/*.cmake")
    wanted = {w for f in cmake for w in re.findall(r"find_package\((\S+?)[ )]", f.read_text())}
    assert wanted
    for library in wanted:
        assert PACKAGE_OF[library] in listed, library


def test_links_in_pages_lead_somewhere():
    pages = tracked("*.md")
    assert pages
    for page in pages:
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_files_that_pages_name_exist():
    path = re.compile(r"`((?:src|tests|scripts|docs|config|examples|cmake)/[\w./-]+\.\w+)`")
    for page in tracked("*.md"):
        for name in path.findall(page.read_text(encoding="utf-8")):
            if "queue_age" not in name:  # the worked example's own file
                assert (ROOT / name).exists(), f"{page.name}: {name}"
