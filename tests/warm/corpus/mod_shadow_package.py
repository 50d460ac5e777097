# start: shadowed
# file: random/__init__.py: def random(): return 'mine'\n
import random
print(random.random())
