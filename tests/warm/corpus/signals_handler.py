import signal, os
signal.signal(signal.SIGUSR1, lambda s, f: print('got', s, f.f_code.co_name))
os.kill(os.getpid(), signal.SIGUSR1)
print('after')
