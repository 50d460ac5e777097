import os, sys
open('/box/late.py', 'w').write('x = 1\n')
import late
print(late.x, late.__cached__, os.path.exists(late.__cached__), sys.dont_write_bytecode)
