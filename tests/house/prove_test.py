"""./dev prove and the pages know every step of src/sandbox/steps.h, and nothing else."""

import os
import re
import sys

SOURCE = os.environ["KILN_SOURCE_DIR"]
sys.path.insert(0, os.path.join(SOURCE, "scripts", "prove"))
import steps


def text_of(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


def all_steps():
    found = re.findall(r"^  X\((\w+), ", text_of("src", "sandbox", "steps.h"), re.M)
    assert len(found) > 50
    return found


def test_each_step_is_taken_out_or_kept_for_a_reason():
    known = [*steps.TAKEN_OUT, *steps.CHECKS, *steps.KEPT]
    assert len(known) == len(set(known))
    assert sorted(known) == sorted(all_steps())
    assert all(steps.KEPT.values())


def test_the_pages_tell_of_each_step():
    page = text_of("docs", "sandbox.md") + text_of("docs", "warm.md")
    missing = [step for step in all_steps() if not re.search(rf"\b{step}\b", page)]
    assert not missing


def test_there_are_ten_mutations_and_each_changes_one_line_of_the_core():
    folder = os.path.join(SOURCE, "tests", "mutations")
    patches = [text_of("tests", "mutations", name) for name in os.listdir(folder)]
    assert len(patches) == 10
    for patch in patches:
        assert re.findall(r"^\+\+\+ b/(src/core/\w+\.cc)", patch, re.M)
        assert 1 <= len(re.findall(r"^[+-] ", patch, re.M)) <= 3, patch
