print('x' * 70000)
print('é' * 3000)
