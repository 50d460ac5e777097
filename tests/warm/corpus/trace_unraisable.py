class A:
    def __del__(self):
        raise ValueError('in a destructor')
a = A()
del a
print('on')
