#!/usr/bin/python3
"""Fails when a file of src/ includes what its layer may not.

The tables below are the rule: which folders a folder may include, and which outside libraries. An
outside header that is in no table is refused everywhere, so a new dependency is a line here.

usage: check_layering.py [ROOT]     (ROOT holds src/; default: the repository of this script)
"""

import fnmatch
import pathlib
import re
import sys

# Folder -> folders it may include (besides itself).
FOLDERS = {
    "base": [],
    "model": ["base"],
    "core": ["model", "base"],
    "net": ["model", "base"],
    "store": ["model", "base"],
    "sandbox": ["model", "base"],
    "config": ["model", "base"],
    "log": ["base"],
    "metrics": ["model", "base"],
    "http": ["base"],
    "actors": ["base", "model", "config", "log", "metrics", "core", "net", "store", "sandbox"],
    "cli": ["base", "model", "config", "log", "metrics", "http", "core", "net", "store", "sandbox", "actors"],
}

# Outside library -> (its headers, the files of src/ that may include them).
LIBRARIES = {
    "CAF": (["caf/*"], ["actors/*", "cli/*"]),
    "msgpack": (["msgpack.hpp", "msgpack/*"], ["net/codec*.cc"]),
    "ZeroMQ": (["zmq.h", "zmq.hpp", "zmq_addon.hpp"], ["net/*"]),
    "SQLiteCpp": (["SQLiteCpp/*", "sqlite3.h"], ["store/*"]),
    "yaml-cpp": (["yaml-cpp/*"], ["config/*"]),
    "prometheus-cpp": (["prometheus/*"], ["metrics/*"]),
    "Boost.Beast": (["boost/asio.hpp", "boost/asio/*", "boost/beast/*"], ["http/*"]),
    "spdlog": (["spdlog/*", "fmt/*"], ["log/*"]),
    "libseccomp": (["seccomp.h"], ["sandbox/*"]),
    "libcap": (["sys/capability.h"], ["sandbox/*"]),
    "libsodium": (["sodium.h"], ["base/*"]),
    "CPython": (["Python.h"], ["sandbox/warm/*", "sandbox/site/*"]),
    "CLI11": (["CLI/*"], ["cli/*"]),
    "ncurses": (["ncurses.h", "curses.h"], ["cli/*"]),
    "nlohmann-json": (["nlohmann/*"], ["cli/*"]),
}

# The core is pure: standard headers that bring a clock, a thread, a lock, the file system or global
# state do not belong there. <chrono> and <random> carry types and seeded generators; what they must
# not be used for is in CORE_WORDS.
CORE_HEADERS_REFUSED = {
    "atomic", "barrier", "condition_variable", "csignal", "cstdio", "cstdlib", "ctime", "filesystem",
    "fstream", "future", "iostream", "latch", "mutex", "semaphore", "shared_mutex", "stop_token",
    "thread",
}  # fmt: skip
CORE_WORDS = re.compile(
    r"\b(steady_clock::now|system_clock::now|high_resolution_clock|random_device|real_now"
    r"|seeded_random|getenv|rand|srand|time)\s*(\(|\b(?=\{))"
)
# Headers of the kernel and libc: kept out of the layers that hold no I/O.
SYSTEM_FREE = {"model", "core"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)
COMMENTS_AND_STRINGS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)


def library_of(header):
    for name, (patterns, _) in LIBRARIES.items():
        if any(fnmatch.fnmatch(header, pattern) for pattern in patterns):
            return name
    return None


def is_standard(header):
    """<vector>, <cstdint>: no dot, no slash."""
    return re.fullmatch(r"[a-z0-9_]+", header) is not None


def is_system(header):
    """<unistd.h>, <sys/mount.h>, <linux/seccomp.h>: a header of libc or the kernel."""
    return header.endswith(".h") and (
        "/" not in header or header.split("/")[0] in ("sys", "linux", "asm", "net", "netinet", "arpa")
    )


def check_own(folder, header):
    target = header.split("/")[0]
    if "/" not in header or target not in FOLDERS:
        return f'"{header}" is no header of a layer: write "folder/file.h"'
    if target != folder and target not in FOLDERS[folder]:
        return f'{folder} may not include {target} ("{header}")'
    return None


def check_outside(path, folder, header):
    library = library_of(header)
    if library is not None:
        allowed = LIBRARIES[library][1]
        if any(fnmatch.fnmatch(path, pattern) for pattern in allowed):
            return None
        return f"<{header}>: {library} belongs only in {' and '.join(allowed)}"
    if is_standard(header):
        if folder == "core" and header in CORE_HEADERS_REFUSED:
            return f"<{header}>: the core is pure (no I/O, threads, clocks or global state)"
        return None
    if is_system(header):
        if folder in SYSTEM_FREE:
            return f"<{header}>: {folder} uses the standard library only"
        return None
    return f"<{header}>: no library of ours (scripts/check_layering.py lists them)"


def check_file(root, file):
    path = file.relative_to(root / "src").as_posix()
    folder = path.split("/")[0]
    if folder not in FOLDERS:
        yield f"src/{path}: {folder} is no layer (scripts/check_layering.py lists them)"
        return
    text = file.read_text(encoding="utf-8")
    for match in INCLUDE.finditer(text):
        quote, header = match.groups()
        wrong = check_own(folder, header) if quote == '"' else check_outside(path, folder, header)
        if wrong:
            yield f"src/{path}:{text.count(chr(10), 0, match.start(2)) + 1}: {wrong}"
    if folder == "core":
        bare = COMMENTS_AND_STRINGS.sub(lambda m: "\n" * m.group().count("\n"), text)
        for match in CORE_WORDS.finditer(bare):
            line = bare.count("\n", 0, match.start()) + 1
            yield f"src/{path}:{line}: {match.group(1)}: times and randomness come in from outside"


def check(root):
    """All breaches below root/src, as lines for a person."""
    files = sorted(p for p in (root / "src").rglob("*") if p.suffix in (".h", ".cc", ".c"))
    return len(files), [line for file in files for line in check_file(root, file)]


def main(argv):
    root = pathlib.Path(argv[1] if len(argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    count, breaches = check(root)
    for line in breaches:
        print(line)
    if count == 0:
        print(f"check_layering: no source file below {root}/src")
        return 1
    print(f"check_layering: {count} files, {len(breaches)} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
