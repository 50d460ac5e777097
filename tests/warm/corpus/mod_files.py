import os, pathlib, shutil, tempfile, glob, stat, filecmp, fileinput, linecache
p = pathlib.Path('d/e'); p.mkdir(parents=True); (p / 'f.txt').write_text('hello\nworld\n')
print(sorted(glob.glob('**', recursive=True)), oct(stat.S_IMODE(os.stat('d/e/f.txt').st_mode)), shutil.copy('d/e/f.txt', 'g'), filecmp.cmp('g', 'd/e/f.txt'), linecache.getline('g', 2))
print(tempfile.gettempdir(), os.path.dirname(tempfile.mkstemp()[1]), list(os.walk('d')), p.resolve(), pathlib.Path.home(), os.path.expanduser('~'))
shutil.rmtree('d')
with tempfile.TemporaryDirectory() as t: print(os.path.isdir(t))
print(os.path.exists(t))
