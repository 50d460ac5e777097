#!/usr/bin/python3
"""Reads what the tests of some build trees reported and closes a test run.

For each build: ctest.json is ctest's list of test programs and their labels, ctest.xml its report on
them; reports/NAME.xml, where the program wrote one, has its cases. A program that failed without a failed case (a crash, a time-out)
counts as one failure. A skipped case, or no case at all, fails the run. The last line is always
"N passed, N failed".

usage: test_report.py BUILD...
"""

import collections
import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

BUDGETS = pathlib.Path(__file__).parent.parent / "tests" / "budgets.txt"


def outcome(case):
    """passed, failed or skipped, for a testcase of ctest, GoogleTest or pytest."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return "skipped"
    return "failed" if case.get("status") == "fail" else "passed"


def cases_of(build, program):
    """(name, outcome) of each case of one entry of ctest.xml."""
    name = program.get("name")
    whole = outcome(program)
    report = build / "reports" / f"{name}.xml"
    try:
        found = ElementTree.parse(report).iter("testcase") if report.exists() else []
        cases = [(f"{name}: {c.get('classname')}.{c.get('name')}", outcome(c)) for c in found]
    except ElementTree.ParseError:
        cases = []
    if not cases:
        return [(name, whole)]
    if whole == "failed" and all(result != "failed" for _, result in cases):
        cases.append((f"{name} (ended badly)", "failed"))
    return cases


def labels_of(build):
    """The labels of each test program. CTest's own report does not have them."""
    listing = json.loads((build / "ctest.json").read_text(encoding="utf-8"))
    return {
        test["name"]: next((p["value"] for p in test["properties"] if p["name"] == "LABELS"), [])
        for test in listing["tests"]
    }


def budgets():
    lines = BUDGETS.read_text(encoding="utf-8").splitlines()
    return {w[0]: float(w[1]) for w in map(str.split, lines) if w and not w[0].startswith("#")}


def print_times(took):
    for label, budget in budgets().items():
        over = "  OVER" if took[label] > budget else ""
        print(f"{label:12} {took[label]:6.0f} s of {budget:.0f} s{over}")


def main(argv):
    builds = [pathlib.Path(a) for a in argv[1:]]
    if not builds:
        print(__doc__)
        return 2
    count, took = collections.Counter(), collections.Counter()
    for build in builds:
        report = build / "ctest.xml"
        if not report.exists():
            print(f"{report}: missing, so its tests did not run")
            count["failed"] += 1
            continue
        labels = labels_of(build)
        for program in ElementTree.parse(report).iter("testcase"):
            for label in labels[program.get("name")]:
                took[label] += float(program.get("time") or 0)
            for name, result in cases_of(build, program):
                count[result] += 1
                if result != "passed":
                    print(f"{result}: {build.name}: {name}")
    print_times(took)
    bad = count["failed"] + count["skipped"]  # a skipped test proves nothing
    print(f"{count['passed']} passed, {bad} failed")
    return 0 if bad == 0 and count["passed"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
