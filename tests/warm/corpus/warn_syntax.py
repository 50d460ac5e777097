x = 3
if x is 3: print('\d')
assert (x, 'always')
