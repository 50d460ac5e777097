# stdin: \xff
print(ascii(input()))
