import pickle, copy, marshal, shelve, copyreg
class A:
    def __init__(self): self.x = [1, {2: 3}]
    def __eq__(self, o): return self.x == o.x
a = A()
print(pickle.loads(pickle.dumps(a)) == a, copy.deepcopy(a) == a, pickle.dumps(A), marshal.loads(marshal.dumps((1, 'a'))))
with shelve.open('/tmp/s') as s: s['k'] = [1]
print(dict(shelve.open('/tmp/s')))
