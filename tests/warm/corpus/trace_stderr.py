import sys
print('to the error stream', file=sys.stderr)
raise OSError(2, 'No such thing', 'name')
