from concurrent.futures import ThreadPoolExecutor
e = ThreadPoolExecutor(3)
print(list(e.map(lambda x: x * x, range(5))), [e.submit(pow, 2, n).result() for n in range(4)])
