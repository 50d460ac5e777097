# file: keeper.py: f = open('/box/kept', 'w')\nf.write('kept by a module')\nclass D:\n    def __del__(self): print('of a module')\nd = D()\n
import os, keeper
r, w = os.pipe()
if os.fork() != 0:
    os.wait()
    print(open('/box/kept').read())
    os._exit(0)
keeper = None
