print(list(globals()))
print(list(vars(__builtins__)) == list(vars(__import__('builtins'))))
