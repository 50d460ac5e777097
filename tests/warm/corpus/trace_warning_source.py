# file: old.py: import warnings\ndef f(): warnings.warn('old', DeprecationWarning, stacklevel=2)\n
import old
old.f()
