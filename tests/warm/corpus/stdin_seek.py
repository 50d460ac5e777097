# stdin: 0123456789
import sys
print(sys.stdin.read(3), sys.stdin.seekable(), sys.stdin.tell(), sys.stdin.seek(0), sys.stdin.read())
