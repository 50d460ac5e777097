class A:
    def __del__(self):
        print('global deleted')
a = A()
print('end')
