import collections, heapq, bisect, array, queue
print(collections.Counter('abracadabra').most_common(2), collections.deque([1, 2, 3], 2), collections.OrderedDict(a=1))
print(collections.namedtuple('P', 'x y')(1, 2), collections.ChainMap({1: 2}, {3: 4}), heapq.nsmallest(2, [3, 1, 2]), bisect.bisect([1, 2, 3], 2), array.array('i', [1, 2]))
q = queue.PriorityQueue(); q.put(2); q.put(1); print(q.get())
