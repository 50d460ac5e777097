"""An honest program with something to hide: it waits on its standard input's word no longer than its
limits, works a little, and says that all went well."""
import ctypes
import hashlib

for path in ("/box/treasure", "/tmp/treasure", "/dev/shm/treasure"):
    with open(path, "w") as file:
        file.write("treasure")
assert ctypes.CDLL(None).shmget(0x7EA5, 4096, 0o1666) != -1
print("hidden", flush=True)
digest = b""
for _ in range(200_000):
    digest = hashlib.sha256(digest).digest()
for path in ("/box/treasure", "/tmp/treasure", "/dev/shm/treasure"):
    with open(path) as file:
        assert file.read() == "treasure"
print(digest.hex())
