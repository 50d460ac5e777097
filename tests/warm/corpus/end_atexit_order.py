import atexit
for i in range(3):
    atexit.register(print, 'atexit', i)
print('end of main')
