# start: environment
# env: TZ=Europe/Berlin
import time
print(time.tzname, time.localtime(0)[:5])
