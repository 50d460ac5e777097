import resource
print(resource.getrlimit(resource.RLIMIT_CORE)[0] < 4096)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with open('big', 'wb', 0) as f:
        for _ in range(100): f.write(b'x' * 100)
except OSError as e:
    print(e)
