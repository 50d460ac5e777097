"""Writes to both streams without end."""
import os

chunk = b"flood " * 10_000
while True:
    os.write(1, chunk)
    os.write(2, chunk)
