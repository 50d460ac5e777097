import sys
print('_kiln_warm' in sys.modules, 'numpy' in sys.modules, sys.modules['__main__'].__dict__ is globals())
import __main__
print(__main__.__file__, __main__ is sys.modules[__name__])
