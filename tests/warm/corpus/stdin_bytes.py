# stdin: \xff\xfe\n\x00end
import sys
print(sys.stdin.buffer.read())
