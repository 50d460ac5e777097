# args: one "two three" --four
import sys
print(sys.argv, sys.orig_argv, sys.executable, sys.flags)
