import sys
print(sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.unraisablehook is sys.__unraisablehook__)
print(sys.gettrace(), sys.getprofile(), sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_asyncgen_hooks())
print(sys.meta_path, len(sys.path_hooks), hasattr(sys, 'last_type'), hasattr(sys, 'ps1'))
