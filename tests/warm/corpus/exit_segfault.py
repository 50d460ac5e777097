import ctypes
print('soon', flush=True)
ctypes.string_at(0)
