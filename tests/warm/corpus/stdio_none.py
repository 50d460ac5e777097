import sys
print('a')
sys.stdout = None
print('b')
