import sys
def f():
    try:
        sys.exit(3)
    except SystemExit as e:
        print('caught', e.code)
        raise
f()
