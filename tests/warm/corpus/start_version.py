import sys
print(sys.version, sys.version_info, sys.implementation.name, sys.byteorder, sys.maxsize)
