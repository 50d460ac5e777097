import os
print(list(os.environ.items()))
print(os.environb == {os.fsencode(k): os.fsencode(v) for k, v in os.environ.items()}, os.getenv('HOME'))
