# stdin: again
import os
print(open(0).read(), open('/dev/stdin').read(), os.fstat(0).st_size)
