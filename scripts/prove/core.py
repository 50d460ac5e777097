"""Applies each mutation of tests/mutations to a copy of the tree: the core's tests must turn red."""

import glob
import os
import re
import shutil
import subprocess

PARTS = ["CMakeLists.txt", "CMakePresets.json", "bench", "cmake", "config", "src", "tests"]
PROGRAMS = ["core_parts_test", "core_property_test", "core_delivery_test", "core_sim_test"]
SECONDS = 400  # for one test program
MUTANT = "core_sim_mutant_test"  # the bug that is planted in the simulator's core


def copy_tree(source, place):
    """The sources as they are, in `place`; what was built there before stays."""
    tree = os.path.join(place, "tree")
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree)
    for part in PARTS:
        path = os.path.join(source, part)
        copy = shutil.copytree if os.path.isdir(path) else shutil.copy2
        copy(path, os.path.join(tree, part))
    return tree


def configure(tree, build):
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    subprocess.run(["cmake", "-S", tree, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                    "-DKILN_ACTORS=OFF", "-DKILN_TESTS=ON", *launcher], check=True, stdout=subprocess.DEVNULL)


def compile_tests(build):
    """Whether they could be built."""
    done = subprocess.run(["ninja", "-C", build, *PROGRAMS], check=False, stdout=subprocess.PIPE, text=True)
    return done.returncode == 0 or print(done.stdout[-2000:])


def first_red(build):
    """The first case that fails, or nothing."""
    for name in PROGRAMS:
        try:
            done = subprocess.run([os.path.join(build, "bin", name), "--gtest_fail_fast"], check=False, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return {name + " (no end)"}
        if done.returncode != 0:
            return set(re.findall(r"^\[  FAILED  \] (\S+?),? ", done.stdout, re.M)[:1]) or {name + " (crashed)"}
    return set()


def apply(tree, patch, back=False):
    subprocess.run(["patch", "-p1", "--quiet", "--batch", *(["-R"] if back else []), "-i", patch], cwd=tree, check=True)


def prove(source, place, tell):
    """Rows (mutation, cases that turned red). Raises where the tests fail by themselves."""
    tree, build = copy_tree(source, place), os.path.join(place, "build")
    configure(tree, build)
    if not compile_tests(build) or (red := first_red(build)):
        raise RuntimeError(f"nothing is changed, and the core's tests fail: {red}")
    rows = []
    for patch in sorted(glob.glob(os.path.join(source, "tests", "mutations", "*.patch"))):
        name = os.path.basename(patch)[:-len(".patch")]
        apply(tree, patch)
        red = first_red(build) if compile_tests(build) else set()
        apply(tree, patch, back=True)
        rows.append((name, red))
        tell(name, red)
    return rows


def prove_simulator(release, tell):
    """The simulator finds the bug that is built into its mutant."""
    done = subprocess.run([os.path.join(release, "bin", MUTANT)], check=False, text=True, stdout=subprocess.PIPE,
                          timeout=SECONDS)
    found = re.search(r"caught at seed \d+", done.stdout)
    row = ("simulator without the epoch check", {found[0]} if done.returncode == 0 and found else set())
    tell(*row)
    return [row]
