import weakref, gc, sys
class A: pass
a = A(); r = weakref.ref(a); print(r() is a); del a; print(r(), weakref.WeakValueDictionary())
print(sys.getrefcount(A()) , sys.getsizeof(()), gc.is_tracked([]))
