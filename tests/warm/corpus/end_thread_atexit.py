import atexit, threading, time
atexit.register(print, 'atexit')
def work():
    time.sleep(0.02)
    print('thread')
threading.Thread(target=work).start()
print('main')
