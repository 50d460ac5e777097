"""Never ends, and does not care for SIGTERM."""
import signal

signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("looping", flush=True)
while True:
    pass
