"""Never ends by itself: to be stopped by Ctrl-C, kiln cancel or its time limit."""

import time

while True:
    time.sleep(1)
