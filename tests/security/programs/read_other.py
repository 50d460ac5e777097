"""Looks everywhere for what a neighbour has written (a file named `treasure`, shared memory, an
environment variable) and prints what it finds."""
import ctypes
import os


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read(1 << 16)
    except OSError:
        return b""


found = []
for top, directories, files in os.walk("/"):
    if top == "/":
        directories[:] = [d for d in directories if d not in ("usr", "lib", "bin", "sbin")]
    found += [os.path.join(top, f) for f in files if "treasure" in f]
for pid in range(1, 300):
    for what in ("root/box/treasure", "cwd/treasure", "root/tmp/treasure", "environ", "fd/0"):
        if b"treasure" in read(f"/proc/{pid}/{what}"):
            found.append(f"/proc/{pid}/{what}")
for path in ("/proc/sysvipc/shm", "/dev/shm/treasure", "/proc/self/task/1/environ"):
    if read(path):
        found.append(path)
if ctypes.CDLL(None).shmget(0x7EA5, 0, 0) != -1:
    found.append("System V shared memory")
print("found:", *found)
