import os
print('before', flush=True)
pid = os.fork()
if pid == 0:
    print('child')
else:
    _, status = os.waitpid(pid, 0)
    print('parent', status)
