"""Tries once to hang a program of its own onto a socket (SO_ATTACH_FILTER). Never do it in a loop."""
import ctypes
import errno
import socket

SOL_SOCKET, SO_ATTACH_FILTER = 1, 26
accept_all = (ctypes.c_uint16 * 4)(0x06, 0, 0xFFFF, 0)  # one BPF instruction: return 0xffff


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


program = Program(1, ctypes.addressof(accept_all))
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as victim:
    try:
        victim.setsockopt(SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))
        print("attached")
    except OSError as error:
        print(errno.errorcode[error.errno])
