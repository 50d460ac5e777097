"""Source code that attacks its compiler: it comes to an error or a limit, and shows nothing of the host."""

import json
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.environ["KILN_SOURCE_DIR"], "tests", "cluster"))
import harness

ENDS = {"compile_error", "memory_limit", "wall_timeout", "cpu_timeout", "output_limit"}
BOMBS = {
    "endless_include.c": '#include "/dev/zero"\nint main(void) { return 0; }\n',
    "random_include.c": '#include "/dev/urandom"\n',
    "includes_itself.c": '#include __FILE__\n#include __FILE__\n',
    "host_file.c": '__asm__(".incbin \\"/etc/shadow\\"");\nint main(void) { return 0; }\n',
    "host_text.c": '#include "/etc/shadow"\n',
    "launcher.c": '__asm__(".incbin \\"/proc/1/exe\\"");\nint main(void) { return 0; }\n',
    "four_gigabytes.c": "char a[4UL << 30] = {1};\nint main(void) { return a[5]; }\n",
    "macros.c": "".join(f"#define A{n} A{n - 1} A{n - 1} A{n - 1} A{n - 1}\n" for n in range(1, 20))
    + "#define A0 int x;\nA19\n",
    "templates.cpp": "template <int n> struct A { A<n + 1> a; };\nA<0> a;\nint main() {}\n",
    "two_templates.cpp": "template <int n, int m> struct A { enum { v = A<n - 1, 2 * m>::v + A<n - 1, 2 * m + 1>::v }; };\n"
    "template <int m> struct A<0, m> { enum { v = m }; };\nint main() { return A<28, 0>::v; }\n",
    "constexpr.cpp": "constexpr unsigned long f(unsigned long n) { unsigned long s = 0; for (unsigned long i = 0; i < n; ++i) s += i; "
    "return s; }\nstatic_assert(f(1UL << 40) == 0);\nint main() {}\n",
}


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with harness.Cluster() as cluster:
        cluster.serve()
        yield cluster


@pytest.mark.parametrize("name", BOMBS)
def test_it_comes_to_an_end(cluster, tmp_path, name):
    source = tmp_path / name
    source.write_text(BOMBS[name])
    done = cluster.kiln("run", str(source), "--json", "--timeout", "4", deadline=90)
    result = json.loads(done.stdout)
    assert result["verdict"] in ENDS, result
    assert done.returncode != 0
    assert "root:" not in done.stdout + done.stderr


def test_the_next_one_compiles(cluster, tmp_path):
    source = tmp_path / "fine.c"
    source.write_text('#include <stdio.h>\nint main(void) { return puts("fine") < 0; }\n')
    done = cluster.kiln("run", str(source), "--json", deadline=60)
    assert json.loads(done.stdout)["out"]["bytes"] == "fine\n"
