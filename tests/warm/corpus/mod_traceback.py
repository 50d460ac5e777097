import traceback, sys
try:
    1 / 0
except ZeroDivisionError:
    traceback.print_exc(file=sys.stdout)
    print(traceback.format_exc(), sys.exc_info()[0])
