"""Leaves a daemon behind: two forks, a session of its own, deaf to signals, with the pipe still open."""
import os
import signal
import sys

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        os.write(1, b"daemon is up\n")
        while True:
            os.write(1, b".") and os.sched_yield()
    os._exit(0)
os.wait()
sys.exit(7)
