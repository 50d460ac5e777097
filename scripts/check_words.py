#!/usr/bin/python3
"""Fails on words that must not stand in the repository: promises of later work, tests that may skip
themselves, sleeps in tests, paths of a developer's machine.

The words are written in pieces here, so that this file does not find itself.
usage: check_words.py [ROOT]     (a git work tree; default: the repository of this script)
"""

import pathlib
import re
import subprocess
import sys

CODE = re.compile(r"(\.(cc|h|py|sh|cmake)|CMakeLists\.txt|^dev)$")
# What, in which files, and the words.
RULES = [
    ("promises later work", CODE, r"TO" r"DO|FIX" r"ME|not (yet )?imple" r"mented|place" r"holder|for" r" now"),
    ("a test may skip itself", re.compile(r"^tests/"), r"GTEST_" r"SKIP|pytest\.(mark\.)?" r"skip|skip" r"Test"),
    ("a test sleeps", re.compile(r"^tests/(?!.*(programs|corpus|fixtures)/).*\.(cc|h|py|sh)$"),
     r"sleep_" r"for|usle" r"ep\(|[^.]sle" r"ep\([0-9]"),
    ("a path of one machine", re.compile(r"^(?!LICENSE)"), r"(?<![\w.])/wo" r"rk/|\.\./sha" r"red"),
]  # fmt: skip


def tracked(root):
    names = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], check=True, capture_output=True)
    return [n for n in names.stdout.decode().split("\0") if n and (root / n).is_file()]


def check(root):
    """All finds, as lines for a person."""
    for name in tracked(root):
        raw = (root / name).read_bytes()
        if b"\0" in raw or "/corpus/" in name or "/golden/" in name:
            continue
        for number, line in enumerate(raw.decode(errors="replace").splitlines(), 1):
            for what, files, words in RULES:
                if files.search(name) and re.search(words, line):
                    yield f"{name}:{number}: {what}: {line.strip()}"


def main(argv):
    root = pathlib.Path(argv[1] if len(argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    finds = list(check(root))
    for line in finds:
        print(line)
    print(f"check_words: {len(finds)} finds")
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
