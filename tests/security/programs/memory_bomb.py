"""Takes memory until there is none, in a child as well."""
import os

os.fork()
hoard = []
while True:
    hoard.append(bytearray(b"x" * (4 << 20)))
