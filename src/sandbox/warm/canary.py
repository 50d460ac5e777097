# Run in a cell by each warm parent before any program is: it ends with 0 if it finds itself to be
# what a cold program is.
import os
import sys

checks = [
    __name__ == "__main__",
    __file__ == "/box/main.py" == sys.argv[0],
    sys.argv[1:] == [],
    sys.path[0] == "/box" == os.getcwd(),
    sys._getframe().f_back is None,
    os.environ.get("HOME") == "/box",
    sys.stdin.read() == "",
    "_kiln_warm" not in sys.modules,
    os.getpid() == os.getpgrp() == os.getsid(0) != 1,
]
sys.exit(0 if all(checks) else 1)
