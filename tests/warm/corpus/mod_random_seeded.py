import random
random.seed(42)
print(random.random(), random.sample(range(100), 5), random.choice('abc'), random.gauss(0, 1))
print(random.Random(7).getrandbits(64))
