# file: pkg/__init__.py: from . import part\nvalue = 1\n
# file: pkg/part.py: print('part', __name__, __file__, __package__)\n
# file: single.py: import sys\nprint('single', __name__)\ndef f(): return sys._getframe(1).f_code.co_filename\n
import importlib, pkgutil, runpy, sys
import pkg, single
print(pkg.value, pkg.__path__, single.f(), [m.name for m in pkgutil.iter_modules(['/box'])], importlib.util.find_spec('pkg').origin if hasattr(importlib, 'util') else '')
importlib.reload(single)
print(runpy.run_path('/box/single.py')['__name__'], 'pkg' in sys.modules, sys.path_importer_cache.get('/box'))
