import struct, ctypes, mmap, codecs
print(struct.pack('<iH', 1, 2), ctypes.sizeof(ctypes.c_long), codecs.encode('abc', 'rot13'), codecs.lookup('utf-8').name)
m = mmap.mmap(-1, 10); m[:3] = b'abc'; print(m[:4])
CB = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
print(CB(lambda x: x + 1)(41))
arr = (ctypes.c_int * 3)(3, 1, 2)
cmp = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda a, b: a[0] - b[0])
ctypes.CDLL(None).qsort(arr, 3, 4, cmp); print(list(arr))
