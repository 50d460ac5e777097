import os
print(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:3], os.path.exists('/proc/self/fd/3') and os.readlink('/proc/self/fd/3')[:5])
