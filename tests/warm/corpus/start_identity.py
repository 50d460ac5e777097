import os
print(os.getuid(), os.getgid(), os.geteuid(), os.getegid(), os.getgroups())
print(os.getpid() == os.getpgrp() == os.getsid(0))
