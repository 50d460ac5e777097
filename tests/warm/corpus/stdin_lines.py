# stdin: a b\nc d\n\ne
import sys
for line in sys.stdin:
    print(repr(line))
print(repr(sys.stdin.read()))
