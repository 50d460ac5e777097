"""Knocks at every door there may be; argv[1] is the port of a server on the host's loopback,
argv[2] the name of its abstract unix socket."""
import socket
import sys

port, name = int(sys.argv[1]), sys.argv[2]
targets = [
    ("loopback", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
    ("loopback6", socket.AF_INET6, socket.SOCK_STREAM, ("::1", port)),
    ("metadata", socket.AF_INET, socket.SOCK_STREAM, ("169.254.169.254", 80)),
    ("outside", socket.AF_INET, socket.SOCK_STREAM, ("192.0.2.1", 80)),
    ("name server", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.53", 53)),
    ("abstract", socket.AF_UNIX, socket.SOCK_STREAM, "\0" + name),
]
for what, family, kind, address in targets:
    try:
        with socket.socket(family, kind) as knock:
            knock.settimeout(2)
            knock.connect(address)
            print(f"{what}: connected")
    except OSError as error:
        print(f"{what}: {error.strerror or error}")
try:
    print("lookup:", socket.gethostbyname("example.org"))
except OSError as error:
    print("lookup: failed")
