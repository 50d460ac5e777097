"""The configuration file, as a person would use it: a cluster from one file, what counts before what,
and each mistake as one clear line."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
import harness

CLUSTER = """
client:
  broker: ipc://{directory}/open/clients
broker:
  data: {directory}/data
  clients: ipc://{directory}/open/clients
  workers: ipc://{directory}/open/workers
  http: 127.0.0.1:0
  cache: never
worker:
  broker: ipc://{directory}/open/workers
  name: from-file
  slots: 1
  queues: [default, other]
log:
  level: warning
"""


def write(directory, text, name="kiln.yaml"):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o644)
    return path


def write_cluster(directory):
    os.mkdir(os.path.join(directory, "open"))
    os.chmod(os.path.join(directory, "open"), 0o777)  # the broker's own user makes its sockets there
    return write(directory, CLUSTER.format(directory=directory))


def check(*arguments, env=None, cwd=None):
    done = harness.kiln(*arguments, "--check-config", "--json", env=env, cwd=cwd or "/")
    assert done.returncode == 0, done.stderr
    return {one["option"]: (one["value"], one["from"]) for one in json.loads(done.stdout)["options"]}


def refused(*arguments, env=None, cwd="/"):
    done = harness.kiln(*arguments, env=env, cwd=cwd)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_a_cluster_from_one_file():
    with harness.Cluster() as cluster:
        path = write_cluster(cluster.directory)
        cluster.start("broker", ["broker", "--config", path])
        worker = cluster.start("worker", ["worker", "--config", path])
        assert "from-file" in worker.line, worker.line
        program = write(cluster.directory, "print(6 * 7)", "main.py")
        done = harness.kiln("run", program, "--config", path)
        assert done.stdout == "42\n", done.stderr
        workers = json.loads(harness.kiln("workers", "--json", "--config", path).stdout)["workers"]
        assert [(w["name"], w["slots"], w["queues"]) for w in workers] == [
            ("from-file", 1, ["default", "other"])]
        # The file that lies where one is.
        done = harness.kiln("workers", cwd=cluster.directory)
        assert "from-file" in done.stdout, done.stderr


def test_serve_takes_its_file():
    with harness.Cluster() as cluster:
        path = write_cluster(cluster.directory)
        serve = cluster.start("serve", ["serve", "--config", path])
        assert f"clients on ipc://{cluster.directory}/open/clients" in serve.line


def test_what_counts_before_what(tmp_path):
    path = write(tmp_path, "broker:\n  clients: tcp://127.0.0.1:7001\n  workers: tcp://127.0.0.1:7002\n"
                           "  http: 127.0.0.1:7003\n")
    env = {"KILN_CONFIG": path, "KILN_BROKER_WORKERS": "tcp://127.0.0.1:8002",
           "KILN_HTTP": "127.0.0.1:8003"}
    found = check("broker", "--http", "127.0.0.1:9003", env=env)
    assert found["broker.http"] == ("127.0.0.1:9003", "flag --http")
    assert found["broker.workers"] == ("tcp://127.0.0.1:8002", "variable KILN_BROKER_WORKERS")
    assert found["broker.clients"] == ("tcp://127.0.0.1:7001", f"{path}:2")
    assert found["broker.cache"] == ("success", "default")
    other = write(tmp_path, "broker:\n  cache: always\n", "other.yaml")
    assert check("broker", "--config", other, env=env)["broker.cache"] == ("always", f"{other}:2")
    assert check("broker", cwd=tmp_path)["broker.clients"][1] == "kiln.yaml:2"
    assert not (tmp_path / "data").exists()


def test_a_check_starts_nothing_and_makes_nothing(tmp_path):
    path = write(tmp_path, f"broker:\n  data: {tmp_path}/data\n")
    done = harness.kiln("broker", "--config", path, "--check-config")
    assert done.returncode == 0, done.stderr
    assert re.search(r"broker.data +\S+/data +\S+kiln.yaml:2", done.stdout), done.stdout
    assert not (tmp_path / "data").exists()
    for command in ("worker", "serve"):
        assert harness.kiln(command, "--config", path, "--check-config").returncode == 0


def test_what_a_file_names_is_read_too(tmp_path):
    path = write(tmp_path, f"broker:\n  key_file: {tmp_path}/none.key\n  allow: {tmp_path}/allow\n")
    assert "none.key" in refused("broker", "--config", path, "--check-config")[0]
    assert harness.kiln("keygen", "--out", str(tmp_path / "none.key")).returncode == 0
    write(tmp_path, "nonsense\n", "allow")
    assert "allow" in refused("broker", "--config", path, "--check-config")[0]
    path = write(tmp_path, f"worker:\n  key_file: {tmp_path}/other.key\n")
    assert "broker's" in refused("worker", "--config", path, "--check-config")[0]


def test_each_mistake_is_one_clear_line(tmp_path):
    path = write(tmp_path, "broker:\n  cach: never\n  cache_time: soon\nworker:\n  slots: 0\n")
    lines = refused("broker", "--config", path)
    assert len(lines) == 3
    assert f'{path}:2:3: unknown key "broker.cach". Did you mean "cache"?' in lines[0]
    assert f"{path}:3:" in lines[1] and f"{path}:5:" in lines[2]
    for text, said in (("broker:\n\tdata: x\n", ":2:1: a tab in the indentation"),
                       ("broker:\n  data: a\n  data: b\n", "twice"),
                       ("a: 1\n---\nb: 2\n", "two documents")):
        lines = refused("serve", "--config", write(tmp_path, text))
        assert len(lines) == 1 and said in lines[0], lines
    assert "No such file" in refused("worker", "--config", str(tmp_path / "none"))[0]
    assert "regular file" in refused("worker", env={"KILN_CONFIG": str(tmp_path)})[0]
    path = write(tmp_path, "")
    os.chmod(path, 0o666)
    assert "could be changed by others" in refused("broker", "--config", path)[0]
    assert "--data is given twice" in refused("broker", "--data", "a", "--data", "b")[0]
    assert "--check-config" in refused("broker", "--json")[0]
