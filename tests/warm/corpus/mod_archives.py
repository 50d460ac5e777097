import zipfile, tarfile, gzip, bz2, lzma, io
b = io.BytesIO()
with zipfile.ZipFile(b, 'w') as z: z.writestr('a.txt', 'x' * 10)
print(zipfile.ZipFile(b).namelist(), gzip.decompress(gzip.compress(b'a')), bz2.decompress(bz2.compress(b'b')), lzma.decompress(lzma.compress(b'c')))
with tarfile.open('t.tar', 'w') as t: t.add('/box/main.py', 'main.py')
print(tarfile.open('t.tar').getnames())
