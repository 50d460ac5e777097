"""Prints all in which a fresh cell could differ from one that somebody has used."""
import ctypes
import os
import socket

for path in ("/box", "/tmp", "/var/tmp", "/dev/shm", "/dev", "/etc"):
    print(path, sorted(os.listdir(path)), oct(os.stat(path).st_mode))
print("processes", sorted(name for name in os.listdir("/proc") if name.isdigit()))
print("descriptors", [fd for fd in range(3, 64) if os.path.exists(f"/proc/self/fd/{fd}")])
print("environment", sorted(os.environ))
print("host", os.uname().nodename)

libc = ctypes.CDLL(None, use_errno=True)
print("shared memory", libc.shmget(0x7EA5, 0, 0), "queues", libc.msgget(0x7EA5, 0), "semaphores", libc.semget(0x7EA5, 0, 0))
# Numbers count up from 0 in a fresh namespace.
print("the next", libc.shmget(0, 4096, 0o600), libc.msgget(0, 0o600), libc.semget(0, 1, 0o600))

for name in ("sockstat", "snmp", "snmp6", "unix"):
    with open("/proc/self/net/" + name) as counters:
        # TCP's memory in the first of them is the whole host's.
        print(name, [line.strip() for line in counters if not line.startswith(("TCP: inuse", "UDP: "))])
with socket.socket(socket.AF_UNIX) as probe:
    try:
        probe.connect("\0left")
        print("a neighbour's socket")
    except OSError as error:
        print(error.strerror)
