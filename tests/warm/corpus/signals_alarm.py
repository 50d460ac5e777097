import signal, time
def ring(s, f): raise TimeoutError('alarm')
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.02)
try:
    time.sleep(5)
except TimeoutError as e:
    print(e)
