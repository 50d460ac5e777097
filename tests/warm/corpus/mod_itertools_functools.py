import itertools, functools, operator
print(list(itertools.permutations('abc', 2)), functools.reduce(operator.mul, range(1, 6)), list(itertools.accumulate([1, 2, 3])))
@functools.lru_cache
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
print(fib(80), fib.cache_info())
