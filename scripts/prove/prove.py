#!/usr/bin/python3
"""Takes out what Kiln rests on, piece by piece, and sees that tests turn red; see ./dev --help.

usage: prove.py BUILD [sandbox [STEP...] | core]
"""

import os
import signal
import sys

import containment
import core
import sandbox

SHOWN = 3  # cases of a row that are named


def tell(name, red):
    names = sorted(red)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    print(f"{name:36} {len(names):4}  {', '.join(names[:SHOWN]) or 'NOTHING'}{more}", flush=True)


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and leave nothing behind
    build, what, steps = sys.argv[1], sys.argv[2:3], sys.argv[3:]
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    rows = []
    print(f"{'taken out or changed':36} {'red':>4}  tests")
    if what in ([], ["sandbox"]):
        with containment.group() as clear:
            rows += sandbox.prove(build, steps, tell, clear)
    if what in ([], ["core"]):
        rows += core.prove_simulator(build, tell)
        rows += core.prove(source, os.path.join(source, "build", "prove"), tell)
    unseen = [name for name, red in rows if not red]
    print(f"{len(rows)} taken out or changed, {len(rows) - len(unseen)} seen" +
          (f"; nobody sees: {', '.join(unseen)}" if unseen else ""))
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
