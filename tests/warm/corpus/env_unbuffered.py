# start: environment
# env: PYTHONUNBUFFERED=1
import sys
print(sys.stdout.write_through)
