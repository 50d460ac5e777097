import faulthandler, sys
faulthandler.dump_traceback(file=sys.stderr)
