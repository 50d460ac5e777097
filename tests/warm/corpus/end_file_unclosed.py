f = open('x.txt', 'w')
f.write('written at exit')
import os
pid = os.fork()
if pid == 0:
    f.flush()
    os._exit(0)
os.waitpid(pid, 0)
print(open('x.txt').read())
