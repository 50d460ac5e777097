"""Makes one system call under another ABI: `x32`, or `int80` (i386)."""
import ctypes
import mmap
import sys

X32_BIT = 0x40000000
GETPID_X32 = X32_BIT | 39

print("trying", flush=True)
if sys.argv[1] == "x32":
    ctypes.CDLL(None).syscall(ctypes.c_long(GETPID_X32))
else:
    # mov eax, 20 (getpid); int 0x80; ret
    code = bytes.fromhex("b814000000cd80c3")
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    ctypes.CFUNCTYPE(ctypes.c_int)(address)()
print("survived", flush=True)
