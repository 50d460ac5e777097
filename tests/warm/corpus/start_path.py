import sys
print(sys.path, sys.prefix, sys.exec_prefix, sys.base_prefix, sys.platlibdir)
