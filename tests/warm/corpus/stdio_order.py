import sys, os
print('first')
os.write(1, b'second\n')
print('third', flush=True)
os.write(1, b'fourth\n')
print('error', file=sys.stderr)
