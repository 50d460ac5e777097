import sys, atexit
atexit.register(lambda: print(sys.last_type, sys.last_value))
1 / 0
