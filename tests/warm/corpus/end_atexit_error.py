import atexit
atexit.register(print, 'first registered')
@atexit.register
def bad():
    raise ValueError('in atexit')
print('end')
