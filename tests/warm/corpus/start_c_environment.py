import ctypes
libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
print(libc.getenv(b'HOME'), libc.getenv(b'LANG'), libc.getenv(b'NO_SUCH'))
