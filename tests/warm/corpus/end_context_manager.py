from contextlib import contextmanager, ExitStack
@contextmanager
def c(n):
    print('in', n)
    yield n
    print('out', n)
with ExitStack() as s:
    print([s.enter_context(c(i)) for i in range(3)])
