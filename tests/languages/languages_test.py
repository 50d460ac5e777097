"""Five programs of each language, through a broker, a worker and cells: each ends as it must.

A new language is five programs in programs/NAME and its line in ENDS.
"""

import json
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
import harness

PROGRAMS = os.path.join(harness.SOURCE, "tests", "languages", "programs")
SUM = {"options": ["--stdin", "-"], "stdin": "30 12"}
LIMIT = {"options": ["--timeout", "1"]}

# What `runtime_error` and `compile_error` come to; the others end the same way everywhere.
ENDS = {
    "python": {"runtime_error": ("nonzero_exit", 1), "compile_error": ("nonzero_exit", 1)},
    "bash": {"runtime_error": ("nonzero_exit", 3), "compile_error": ("nonzero_exit", 2)},
    "c": {"runtime_error": ("signaled", 139), "compile_error": ("compile_error", 1)},
    "cpp": {"runtime_error": ("signaled", 134), "compile_error": ("compile_error", 1)},
    "javascript": {"runtime_error": ("nonzero_exit", 1), "compile_error": ("nonzero_exit", 1)},
}
EVERYWHERE = {"ok": ("ok", 0), "input": ("ok", 0), "timeout": ("wall_timeout", 124)}


def program_of(language, case):
    folder = os.path.join(PROGRAMS, language)
    (name,) = (n for n in os.listdir(folder) if os.path.splitext(n)[0] == case)
    return os.path.join(folder, name)


def run(cluster, language, case):
    more = {"input": SUM, "timeout": LIMIT}.get(case, {})
    return cluster.kiln("run", program_of(language, case), "--json", *more.get("options", []),
                        stdin=more.get("stdin", ""), deadline=60)


def problems(done, case, verdict, code):
    """What is not as it must be; nothing where all is well."""
    if not done.stdout:
        return [done.stderr]
    result = json.loads(done.stdout)
    found = []
    if (result["verdict"], done.returncode) != (verdict, code):
        found.append(f"{result['verdict']}, exit code {done.returncode}: {result['message']}")
    if case in ("ok", "input") and result["out"]["bytes"] != "42\n":
        found.append(f"printed {result['out']['bytes']!r}")
    if case == "compile_error" and "error" not in result["err"]["bytes"].lower():
        found.append(f"says no error: {result['err']['bytes']!r}")
    return found


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with harness.Cluster() as cluster:
        cluster.serve()
        yield cluster


def test_every_program_of_every_language_ends_as_it_must(cluster, capsys):
    wrong = []
    count = 0
    for language, own in ENDS.items():
        assert sorted(os.path.splitext(n)[0] for n in os.listdir(os.path.join(PROGRAMS, language))) \
            == sorted([*EVERYWHERE, *own])
        for case, (verdict, code) in {**EVERYWHERE, **own}.items():
            count += 1
            found = problems(run(cluster, language, case), case, verdict, code)
            wrong += [f"{language} {case}: {problem}" for problem in found[:1]]
    with capsys.disabled():
        print(f"\nlanguage programs: {count - len(wrong)} of {count}")
    assert not wrong, "\n".join(wrong)
    assert count == 25


def test_every_language_of_the_configuration_is_offered(cluster):
    done = cluster.kiln("workers", "--json")
    (worker,) = json.loads(done.stdout)["workers"]
    assert sorted(language["name"] for language in worker["languages"]) == sorted(ENDS)
    assert all(language["version"] for language in worker["languages"])
