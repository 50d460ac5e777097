# stdin: Ada\n36\nlast
print(input('name? '), int(input()) + 1)
print(repr(input()))
try:
    input('more? ')
except EOFError as e:
    print(type(e), e)
