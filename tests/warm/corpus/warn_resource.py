import warnings
warnings.simplefilter('always')
open('/box/main.py')
print('end')
