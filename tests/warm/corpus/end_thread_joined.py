import threading, time
def work():
    time.sleep(0.05)
    print('thread ends')
threading.Thread(target=work).start()
print('main ends')
