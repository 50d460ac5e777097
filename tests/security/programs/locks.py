"""Takes byte-range locks, far more than anybody needs, until it is refused."""
import errno
import fcntl

taken = 0
kept = []
try:
    while taken < 200_000:
        file = open(f"/tmp/{taken}", "w")
        kept.append(file)
        for start in range(1000, 0, -2):  # newest first: the kernel's list is searched from its start
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, start)
            taken += 1
except OSError as error:
    print(errno.errorcode[error.errno], taken)
else:
    print("never refused")
