import sys
print('\udcff\udc80')
try:
    print('\ud800')
except UnicodeEncodeError as e:
    print(e)
