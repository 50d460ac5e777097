import multiprocessing as mp
def f(): raise ValueError('in a process')
if __name__ == '__main__':
    p = mp.Process(target=f, name='P'); p.start(); p.join(); print(p.exitcode)
