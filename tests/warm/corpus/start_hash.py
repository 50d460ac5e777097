print(hash('a'), hash(b'b'), hash(('c', 1)), [x for x in {'q', 'w', 'e', 'r', 't', 'y'}])
