import multiprocessing as mp
def f(x): return x * x
if __name__ == '__main__':
    with mp.get_context('fork').Pool(2) as p:
        print(p.map(f, range(5)))
    q = mp.Queue()
    p = mp.Process(target=q.put, args=('from a child',))
    p.start(); print(q.get()); p.join(); print(p.exitcode)
