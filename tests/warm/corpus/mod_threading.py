import threading, time, concurrent.futures, contextvars, sched
l = threading.Lock(); n = 0
def work():
    global n
    for _ in range(1000):
        with l: n += 1
ts = [threading.Thread(target=work) for _ in range(4)]; [t.start() for t in ts]; [t.join() for t in ts]; print(n)
e = threading.Event(); threading.Timer(0.01, e.set).start(); print(e.wait(2), threading.local(), threading.BoundedSemaphore(2)) if False else print(e.wait(2))
b = threading.Barrier(2); threading.Thread(target=b.wait).start(); print(b.wait() in (0, 1))
s = sched.scheduler(time.time, time.sleep); s.enter(0.01, 1, print, ('scheduled',)); s.run()
print([t.name for t in ts])
