import multiprocessing as mp, sys
def f(x):
    return x + 1, __name__, len(sys.argv)
if __name__ == '__main__':
    with mp.get_context('spawn').Pool(1) as p:
        print(p.map(f, range(3)))
