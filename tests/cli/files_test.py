"""Files in and artifacts out, as a person would: kiln run --file, --env, --out."""

import hashlib
import json
import os
import sys

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
import harness

PROGRAM = """
import os, sys
os.makedirs("/box/out/sub")
words = open("/box/data/words.txt").read().split()
open("/box/out/count.txt", "w").write(f"{len(words)} {os.environ['WHO']}")
open("/box/out/sub/first.txt", "w").write(open("/box/one.txt").read())
os.symlink("/etc/passwd", "/box/out/link")
os.mkfifo("/box/out/pipe")
open("/box/out/large", "wb").write(bytes(100_000))
os.link("/box/out/count.txt", "/box/out/again.txt")
print("done")
"""


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def inputs(directory):
    (directory / "data").mkdir()
    (directory / "data" / "words.txt").write_text("one two three")
    (directory / "one.txt").write_text("1")
    (directory / "main.py").write_text(PROGRAM.replace("os.link(", "#"))
    return ["run", str(directory / "main.py"), "--file", str(directory / "data"), "--file",
            str(directory / "one.txt"), "--env", "WHO=ada=x", "--out", str(directory / "out")]


def check(done, directory):
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"
    out = directory / "out"
    assert text(out / "count.txt") == "3 ada=x"
    assert text(out / "sub" / "first.txt") == "1"
    assert sorted(os.listdir(out)) == ["count.txt", "large", "sub"]
    assert (out / "large").read_bytes() == bytes(100_000)
    for line in ("link: it is a symbolic link", "pipe: it is a FIFO"):
        assert f"not taken from /box/out: {line}" in done.stderr


def test_an_embedded_run(tmp_path):
    check(harness.kiln(*inputs(tmp_path)), tmp_path)


def test_a_run_on_a_broker_and_its_result_again(tmp_path):
    with harness.Cluster() as cluster:
        cluster.serve()
        check(cluster.kiln(*inputs(tmp_path)), tmp_path)
        task = json.loads(cluster.kiln("list", "--json").stdout)["tasks"][0]["id"]
        again = cluster.kiln("result", task, "--out", str(tmp_path / "again"))
        assert again.returncode == 0, again.stderr
        assert text(tmp_path / "again" / "count.txt") == "3 ada=x"


LARGE_PROGRAM = """
import hashlib, os, sys
data = open("large", "rb").read()
os.makedirs("out/sub")
open("out/sub/twice", "wb").write(data * 2)
sys.stdout.write("x" * 3_000_000)
sys.stderr.write(hashlib.sha256(data).hexdigest())
"""
LARGE_BYTES = 3_500_000


def large_run(directory):
    (directory / "large").write_bytes(os.urandom(LARGE_BYTES))
    (directory / "main.py").write_text(LARGE_PROGRAM)
    return ["run", str(directory / "main.py"), "--file", str(directory / "large"), "--out",
            str(directory / "out"), "--limit", "output_bytes=4000000", "--quiet"]


def check_large(done, directory):
    data = (directory / "large").read_bytes()
    assert done.returncode == 0, done.stderr
    assert done.stderr == hashlib.sha256(data).hexdigest()
    assert done.stdout == "x" * 3_000_000
    assert (directory / "out" / "sub" / "twice").read_bytes() == data * 2


def test_large_files_and_output_embedded(tmp_path):
    check_large(harness.kiln(*large_run(tmp_path)), tmp_path)


def test_large_files_and_output_on_a_broker(tmp_path):
    with harness.Cluster() as cluster:
        cluster.serve()
        check_large(cluster.kiln(*large_run(tmp_path)), tmp_path)
        task = json.loads(cluster.kiln("list", "--json").stdout)["tasks"][0]["id"]
        again = cluster.kiln("result", task, "--out", str(tmp_path / "again"), "--quiet")
        assert again.stdout == "x" * 3_000_000, again.stderr
        first = (tmp_path / "out" / "sub" / "twice").read_bytes()
        assert (tmp_path / "again" / "sub" / "twice").read_bytes() == first


def test_an_input_larger_than_box_is_refused(tmp_path):
    program = tmp_path / "main.py"
    program.write_text("print(1)")
    with open(tmp_path / "huge", "wb") as huge:
        huge.truncate(257 << 20)
    done = harness.kiln("run", str(program), "--file", str(tmp_path / "huge"))
    assert done.returncode == 2, done.stderr
    assert "but /box has 268435456" in done.stderr


def test_a_file_with_two_names_is_not_taken(tmp_path):
    program = tmp_path / "main.py"
    program.write_text("import os\nopen('/box/out/a', 'w')\nos.link('/box/out/a', '/box/out/b')\n")
    done = harness.kiln("run", str(program), "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert os.listdir(tmp_path / "out") == []
    assert "hard links" in done.stderr


def test_what_cannot_be_is_one_clear_line(tmp_path):
    program = tmp_path / "main.py"
    program.write_text("print(1)")
    (tmp_path / "file").write_text("")
    (tmp_path / "tree").mkdir()
    os.symlink("/etc/passwd", tmp_path / "tree" / "link")
    for more, said in ((["--env", "novalue"], "NAME=VALUE"),
                       (["--out", str(tmp_path / "file")], "file"),
                       (["--out", str(tmp_path / "no" / "parent")], "no/parent"),
                       (["--file", str(tmp_path / "tree")], "symbolic link"),
                       (["--file", str(tmp_path / "file") + ":../x"], "../x")):
        done = harness.kiln("run", str(program), *more)
        assert done.returncode in (2, 125), (more, done.stderr)
        assert done.stdout == ""
        assert said in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
