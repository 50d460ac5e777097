# ending: crlf
print('a')
s = '''one
two'''
print(repr(s))
