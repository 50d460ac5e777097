import gc
class A:
    def __del__(self): print('cycle deleted')
a = A(); a.me = a
del a
print(gc.collect() >= 1)
