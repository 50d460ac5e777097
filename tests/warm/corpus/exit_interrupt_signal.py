import os, signal, time
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)
except KeyboardInterrupt:
    print('interrupted')
os.kill(os.getpid(), signal.SIGINT)
import time
time.sleep(5)
